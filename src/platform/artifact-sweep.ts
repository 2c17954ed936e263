import type { Dirent } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isJobId, type JobId } from '../contracts/ids.ts';
import { isTemporary } from './artifact-names.ts';

export interface ArtifactSweep {
  readonly root: string;
  readonly nowMs: number;
  readonly isKept: (jobId: JobId) => Promise<boolean>;
  /** Whether this process is writing that file. */
  readonly isBusy: (path: string) => boolean;
}

/** A write that has not grown for so long belongs to a process that is gone. */
const leftoverAfterMs = 3_600_000;
/** Files of an unknown job are kept for a day: the Redis that knows them may just not be the one that was asked. */
const unknownAfterMs = 86_400_000;

/**
 * Removes leftovers of crashed writes and the folders of jobs that nobody knows any more. Returns how many files.
 * @throws what `isKept` throws, with the rest left for the next time
 */
export async function sweepArtifacts(sweep: ArtifactSweep): Promise<number> {
  let removed = 0;
  for (const outer of await folders(sweep.root)) {
    for (const name of await folders(outer)) {
      const jobId = name.slice(outer.length + 1);
      if (isJobId(jobId)) removed += await sweepJob(sweep, name, jobId);
    }
  }
  return removed;
}

async function sweepJob(sweep: ArtifactSweep, folder: string, jobId: JobId): Promise<number> {
  if (await isOlder(folder, unknownAfterMs, sweep.nowMs)) {
    if (!(await sweep.isKept(jobId))) {
      const names = await readdir(folder).catch(() => []);
      await rm(folder, { recursive: true, force: true });
      return names.length;
    }
  }
  return sweepLeftovers(sweep, folder);
}

async function sweepLeftovers({ nowMs, isBusy }: ArtifactSweep, folder: string): Promise<number> {
  let removed = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    if (!isTemporary(name) || isBusy(path) || !(await isOlder(path, leftoverAfterMs, nowMs))) continue;
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}

async function folders(path: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
}

async function isOlder(path: string, ageMs: number, nowMs: number): Promise<boolean> {
  const stats = await stat(path).catch(() => null);
  return stats !== null && nowMs - stats.mtimeMs > ageMs;
}
