import type { Clock } from '../platform/clock.ts';

export interface ChoreOptions {
  /** From the end of one run to the beginning of the next. */
  readonly everyMs: number;
  readonly work: () => Promise<void>;
  readonly clock: Clock;
  /** Of a row of failures it hears the first; the work goes on. */
  readonly onFault: (error: unknown) => void;
}

/** Work that is done at the start and then regularly, never twice at once. */
export class Chore {
  private readonly options: ChoreOptions;
  private running: Promise<void> = Promise.resolve();
  private cancelTimer: () => void = () => {};
  private isStopped = false;
  private isFailing = false;

  constructor(options: ChoreOptions) {
    this.options = options;
  }

  start(): void {
    this.running = this.run().then(() => {
      if (!this.isStopped)
        this.cancelTimer = this.options.clock.after(this.options.everyMs, () => this.start());
    });
  }

  /** Waits for a run under way, until the deadline. */
  async stop(deadline: AbortSignal): Promise<void> {
    this.isStopped = true;
    this.cancelTimer();
    if (deadline.aborted) return;
    const over = new Promise<void>((resolve) => {
      deadline.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([this.running, over]);
  }

  private async run(): Promise<void> {
    try {
      await this.options.work();
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing && !this.isStopped) this.options.onFault(error);
      this.isFailing = true;
    }
  }
}
