import type { JobMessage } from '../contracts/job.ts';
import type { Clock } from '../platform/clock.ts';
import type { ClaimedJob, JobChannel } from './ports.ts';

const longestHoldMs = 10;
const mostHeld = 8;

/**
 * Sends payloads to the API process that waits: at once after a pause, as the first one is, and together what comes
 * faster than every 10 ms.
 */
export class ChunkSender {
  private readonly send: (message: JobMessage) => void;
  private readonly claim: ClaimedJob;
  private readonly clock: Pick<Clock, 'after' | 'monotonicMs'>;
  private held: readonly string[] = [];
  private nextSeq = 0;
  private lastSentMs = Number.NEGATIVE_INFINITY;
  private cancelTimer: (() => void) | null = null;

  constructor(channel: JobChannel, clock: Pick<Clock, 'after' | 'monotonicMs'>, claim: ClaimedJob) {
    const { inboxId } = claim.record;
    this.send = inboxId === null ? () => {} : (message) => channel.send(inboxId, message);
    this.clock = clock;
    this.claim = claim;
  }

  push(payloads: readonly string[]): void {
    this.held = this.held.length === 0 ? payloads : [...this.held, ...payloads];
    const restMs = this.lastSentMs + longestHoldMs - this.clock.monotonicMs();
    if (restMs <= 0 || this.held.length >= mostHeld) this.flush();
    else this.cancelTimer ??= this.clock.after(restMs, () => this.flush());
  }

  flush(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
    if (this.held.length === 0) return;
    const data = this.held;
    this.held = [];
    this.lastSentMs = this.clock.monotonicMs();
    const { record, attempt } = this.claim;
    this.send({ type: 'chunk', jobId: record.id, attempt, seq: this.nextSeq, data });
    this.nextSeq += data.length;
  }
}
