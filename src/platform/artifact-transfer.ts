import { createHash } from 'node:crypto';
import type { JobId } from '../contracts/ids.ts';
import type { Artifact } from '../contracts/job.ts';
import type { ByteRange } from './byte-range.ts';

/** A file of a job, as its record names it. */
export interface RemoteArtifact {
  readonly jobId: JobId;
  readonly file: Artifact;
}

/** How far one file, or a range of it, has come. */
export class ArtifactTransfer {
  readonly url: URL;
  private readonly file: Artifact;
  private readonly range: ByteRange;
  private readonly hash = createHash('sha256');
  private takenBytes = 0;

  constructor(baseUrl: string, { jobId, file }: RemoteArtifact, range?: ByteRange) {
    this.url = new URL(`${baseUrl.replace(/\/+$/, '')}/artifacts/${jobId}/${file.index}`);
    this.file = file;
    this.range = range ?? { start: 0, end: file.bytes - 1 };
  }

  get taken(): number {
    return this.takenBytes;
  }

  get isComplete(): boolean {
    return this.takenBytes >= this.length;
  }

  /** What has not come yet; null: all of the file. */
  get rest(): ByteRange | null {
    const start = this.range.start + this.takenBytes;
    return start === 0 && this.length === this.file.bytes ? null : { start, end: this.range.end };
  }

  take(piece: Uint8Array): void {
    this.takenBytes += piece.length;
    this.hash.update(piece);
  }

  /** @throws when it is not what the job's record says */
  verify(): void {
    if (this.takenBytes !== this.length)
      throw new Error(`${this.url}: ${this.takenBytes} bytes came, ${this.length} were asked for`);
    const isWhole = this.length === this.file.bytes;
    if (isWhole && this.hash.digest('hex') !== this.file.sha256)
      throw new Error(`${this.url}: the file is not the one that the job made`);
  }

  private get length(): number {
    return this.range.end - this.range.start + 1;
  }
}
