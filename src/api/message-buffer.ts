import type { JobMessage } from '../contracts/job.ts';

const maxChars = 1024 * 1024;

type Chunk = Extract<JobMessage, { type: 'chunk' }>;

/** Chunks that followed one another: kept as one, since a stream has thousands. */
interface Run extends Chunk {
  readonly data: string[];
}

/** What has come of a job so far, for a client that asks again after its connection broke. */
export class MessageBuffer {
  private runs: Run[] = [];
  private chars = 0;
  private hasOverflowed = false;

  /** Whether a replay would be complete. */
  get isWhole(): boolean {
    return !this.hasOverflowed;
  }

  add(message: JobMessage): void {
    if (message.type === 'requeued' || message.type === 'started') this.clear();
    if (message.type !== 'chunk' || this.hasOverflowed) return;
    for (const payload of message.data) this.chars += payload.length;
    this.hasOverflowed = this.chars > maxChars;
    if (this.hasOverflowed) this.runs = [];
    else this.keep(message);
  }

  replay(listener: (message: JobMessage) => void): void {
    for (const run of this.runs) listener({ ...run, data: [...run.data] });
  }

  private keep(chunk: Chunk): void {
    const last = this.runs.at(-1);
    const follows = last?.attempt === chunk.attempt && last.seq + last.data.length === chunk.seq;
    if (follows) last.data.push(...chunk.data);
    else this.runs.push({ ...chunk, data: [...chunk.data] });
  }

  private clear(): void {
    this.runs = [];
    this.chars = 0;
    this.hasOverflowed = false;
  }
}
