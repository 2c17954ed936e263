import { type Clock, systemClock } from '../../src/platform/clock.ts';

/** Time that runs so many times as fast as the machine's. */
export class FastClock implements Clock {
  readonly factor: number;
  private readonly startedMs = Date.now();
  private readonly startedAt = performance.now();

  constructor(factor: number) {
    this.factor = factor;
  }

  now(): number {
    return this.startedMs + Math.round(this.monotonicMs());
  }

  monotonicMs(): number {
    return (performance.now() - this.startedAt) * this.factor;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms / this.factor, signal);
  }

  after(ms: number, run: () => void): () => void {
    return systemClock.after(ms / this.factor, run);
  }
}
