import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { isJobId, type JobId } from '../contracts/ids.ts';
import type { Artifact } from '../contracts/job.ts';
import { type ArtifactFile, openArtifact } from './artifact-file.ts';
import { fileNameOf, folderOf, isFileOf, isTemporary, temporaryNameOf } from './artifact-names.ts';
import { type JobFiles, makeFit, measureFolders } from './artifact-quota.ts';
import { type JobKnowledge, sweepArtifacts, sweepUploads } from './artifact-sweep.ts';
import type { ByteRange } from './byte-range.ts';
import { asStorageFull, DiskRoom, type DiskRoomOptions } from './disk-room.ts';

export interface ArtifactStoreOptions extends DiskRoomOptions {
  /** Made on the first write. */
  readonly root: string;
  /** Epoch ms, for the age of leftovers. */
  readonly now?: () => number;
}

/** Room is looked at again after so many bytes of one file. */
const recheckBytes = 67_108_864;

/** Files that models made, or that clients sent, under names of our own: `<root>/<2 hex>/<jobId>/<index>.<ext>`. */
export class ArtifactStore {
  private readonly root: string;
  private readonly room: DiskRoom;
  private readonly now: () => number;
  private readonly beingWritten = new Set<string>();

  constructor(options: ArtifactStoreOptions) {
    this.root = resolve(options.root);
    this.room = new DiskRoom(options);
    this.now = options.now ?? Date.now;
  }

  /**
   * Writes a file that appears whole or not at all, on the disk when this resolves. An earlier one of this index is
   * replaced.
   * @throws storage_full; or what `bytes` throws
   */
  async write(
    jobId: JobId,
    index: number,
    contentType: string,
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<Artifact> {
    await this.checkRoom();
    const folder = await this.makeFolder(jobId).catch(asStorageFull);
    const name = fileNameOf(index, contentType);
    const temporary = join(folder, temporaryNameOf(index, randomBytes(6).toString('hex')));
    this.beingWritten.add(temporary);
    try {
      const written = await this.writeFile(temporary, bytes);
      await rename(temporary, join(folder, name));
      await this.dropOthers(folder, index, name);
      await syncFolder(folder);
      return { index, contentType, ...written };
    } catch (error) {
      await rm(temporary, { force: true });
      return asStorageFull(error);
    } finally {
      this.beingWritten.delete(temporary);
    }
  }

  /** The bytes of a file, or a range of them; null: there is none. */
  async open(jobId: JobId, index: number, range?: ByteRange): Promise<Readable | null> {
    const file = await this.find(jobId, index);
    return file === null ? null : file.read(range);
  }

  /** The file itself, to be read or closed; null: there is none. */
  async find(jobId: JobId, index: number): Promise<ArtifactFile | null> {
    if (!isJobId(jobId)) return null;
    const folder = folderOf(this.root, jobId);
    if (!(await this.isOwn(folder))) return null;
    const names = await readdir(folder).catch(() => []);
    const name = names.find((each) => isFileOf(each, index));
    return name === undefined ? null : openArtifact(join(folder, name));
  }

  /** Removes all files of a job. */
  async remove(jobId: JobId): Promise<void> {
    if (isJobId(jobId)) await rm(folderOf(this.root, jobId), { recursive: true, force: true });
  }

  /** Removes leftovers of crashed writes and the files of jobs that are long gone. Returns how many. */
  sweep(isKept: (jobId: JobId) => Promise<boolean>): Promise<number> {
    const isBusy = (path: string): boolean => this.beingWritten.has(path);
    return sweepArtifacts({ root: this.root, nowMs: this.now(), isKept, isBusy });
  }

  /** The same for files that clients sent: they are of no use once their job has ended. */
  sweepUploads(stateOf: (jobId: JobId) => Promise<JobKnowledge>): Promise<number> {
    return sweepUploads({ root: this.root, nowMs: this.now(), stateOf });
  }

  /**
   * Removes the files of the oldest jobs until the rest fits. `mayGo` notes in a job's record that they are gone, or
   * refuses. Returns what went.
   */
  async fit(mostBytes: number, mayGo: (jobId: JobId) => Promise<boolean>): Promise<readonly JobFiles[]> {
    return makeFit(await measureFolders(this.root), mostBytes, async (jobId) => {
      if (!(await mayGo(jobId))) return false;
      await this.remove(jobId);
      return true;
    });
  }

  /** @throws storage_full when the disk has less room than must stay free */
  async checkRoom(): Promise<void> {
    await mkdir(this.root, { recursive: true, mode: 0o700 }).catch(asStorageFull);
    await this.room.check(this.root);
  }

  /** Why no more fits; null: there is room. */
  roomProblem(): Promise<string | null> {
    return this.room.problem(this.root);
  }

  private async makeFolder(jobId: JobId): Promise<string> {
    if (!isJobId(jobId)) throw new Error(`not a job id: ${JSON.stringify(jobId)}`);
    const folder = folderOf(this.root, jobId);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (!(await this.isOwn(folder))) throw new Error(`${folder} leads out of the artifact folder; remove it`);
    return folder;
  }

  /** No link on the way leads elsewhere. */
  private async isOwn(folder: string): Promise<boolean> {
    try {
      const [root, real] = await Promise.all([realpath(this.root), realpath(folder)]);
      return real === join(root, relative(this.root, folder));
    } catch {
      return false;
    }
  }

  private async writeFile(
    path: string,
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<Pick<Artifact, 'bytes' | 'sha256'>> {
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
    await using file = await open(path, flags, 0o600);
    const hash = createHash('sha256');
    let total = 0;
    let recheckAt = recheckBytes;
    for await (const chunk of bytes) {
      hash.update(chunk);
      await writeAll(file, chunk);
      total += chunk.length;
      if (total < recheckAt) continue;
      await this.room.check(this.root);
      recheckAt = total + recheckBytes;
    }
    await file.sync();
    return { bytes: total, sha256: hash.digest('hex') };
  }

  /** A retry may have made another type of file. */
  private async dropOthers(folder: string, index: number, kept: string): Promise<void> {
    const names = await readdir(folder);
    const others = names.filter((name) => isFileOf(name, index) && name !== kept && !isTemporary(name));
    await Promise.all(others.map((name) => rm(join(folder, name), { force: true })));
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let rest = chunk; rest.length > 0; ) {
    const { bytesWritten } = await file.write(rest);
    rest = rest.subarray(bytesWritten);
  }
}

/** A rename lasts only when its folder is on the disk, too. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await folder.sync();
}
