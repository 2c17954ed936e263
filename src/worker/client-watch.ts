import type { Clock } from '../platform/clock.ts';
import type { ClaimedJob, JobChannel } from './ports.ts';

const lookEveryMs = 2000;

/** Finds running jobs whose client's API process has died: nobody will ever cancel them. */
export class ClientWatch {
  private readonly options: ClientWatchOptions;
  private cancelTimer: () => void = () => {};
  private isOver = false;

  constructor(options: ClientWatchOptions) {
    this.options = options;
  }

  start(): void {
    this.cancelTimer = this.options.clock.after(lookEveryMs, () => void this.look());
  }

  stop(): void {
    this.isOver = true;
    this.cancelTimer();
  }

  private async look(): Promise<void> {
    await Promise.all(this.options.claims().map((claim) => this.check(claim)));
    if (!this.isOver) this.start();
  }

  private async check(claim: ClaimedJob): Promise<void> {
    const { sync, inboxId } = claim.record;
    if (!sync || inboxId === null) return;
    const isAlive = await this.options.channel.inboxAlive(inboxId).catch(() => true);
    if (!isAlive && !this.isOver) this.options.onOrphaned(claim);
  }
}

export interface ClientWatchOptions {
  readonly clock: Clock;
  readonly channel: Pick<JobChannel, 'inboxAlive'>;
  readonly claims: () => readonly ClaimedJob[];
  readonly onOrphaned: (claim: ClaimedJob) => void;
}
