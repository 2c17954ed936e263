import type { JobMessage } from '../contracts/job.ts';

type Chunk = Extract<JobMessage, { type: 'chunk' }>;

/** What one connection may send on. */
export type ChunkVerdict =
  | { readonly kind: 'send'; readonly payloads: readonly string[] }
  | { readonly kind: 'ignore' }
  /** Another attempt began, or payloads are missing, after some were sent: what follows would not fit. */
  | { readonly kind: 'broken' };

/** Keeps the payloads of a stream whole and in order: each once, of one attempt only. */
export class ChunkOrder {
  private attempt = 0;
  private nextSeq = 0;
  /** Whether the client has seen some of it. */
  hasSent = false;

  /** Generation begins, perhaps once more within the same attempt, when a worker that stopped gave the job back. */
  started(attempt: number): ChunkVerdict {
    if (this.hasSent) return { kind: 'broken' };
    this.attempt = attempt;
    this.nextSeq = 0;
    return { kind: 'ignore' };
  }

  accept({ attempt, seq, data }: Chunk): ChunkVerdict {
    if (attempt < this.attempt) return { kind: 'ignore' };
    if (attempt > this.attempt) {
      if (this.hasSent) return { kind: 'broken' };
      this.attempt = attempt;
      this.nextSeq = 0;
    }
    if (seq > this.nextSeq) return { kind: 'broken' };
    const payloads = seq === this.nextSeq ? data : data.slice(this.nextSeq - seq);
    if (payloads.length === 0) return { kind: 'ignore' };
    this.nextSeq += payloads.length;
    this.hasSent = true;
    return { kind: 'send', payloads };
  }

  /** The attempt is over without a result; `broken` when the client has seen part of it. */
  requeued(attempt: number): ChunkVerdict {
    return { kind: this.hasSent && attempt >= this.attempt ? 'broken' : 'ignore' };
  }
}
