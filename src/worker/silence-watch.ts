import type { Clock } from '../platform/clock.ts';

export interface SilenceLimits {
  /** Until the first sign of life; null: only the total counts. */
  readonly firstMs: number | null;
  /** Between two signs, once there was one. */
  readonly betweenMs: number;
}

/** What went on for too long. */
export type Overrun = 'no first token' | 'no further token' | 'the execution limit';

/** Watches one generation: tells when the server is silent, or works, for too long. */
export class SilenceWatch {
  private readonly clock: Pick<Clock, 'after' | 'monotonicMs'>;
  private readonly limits: SilenceLimits;
  private readonly onOverrun: (overrun: Overrun) => void;
  private cancelSilence: () => void = () => {};
  private readonly cancelTotal: () => void;
  private lastSignMs: number;
  private hasSign = false;
  private isOver = false;
  overrun: Overrun | null = null;

  constructor(
    clock: Pick<Clock, 'after' | 'monotonicMs'>,
    limits: SilenceLimits,
    totalMs: number,
    onOverrun: (overrun: Overrun) => void,
  ) {
    this.clock = clock;
    this.limits = limits;
    this.onOverrun = onOverrun;
    this.lastSignMs = clock.monotonicMs();
    this.cancelTotal = clock.after(totalMs, () => this.end('the execution limit'));
    if (limits.firstMs !== null) this.arm(limits.firstMs, 'no first token');
  }

  get silentMs(): number {
    return Math.round(this.clock.monotonicMs() - this.lastSignMs);
  }

  /** A token, a byte or progress: the server lives. One timer serves many signs. */
  sign(): void {
    this.lastSignMs = this.clock.monotonicMs();
    if (this.hasSign || this.isOver) return;
    this.hasSign = true;
    this.cancelSilence();
    this.arm(this.limits.betweenMs, 'no further token');
  }

  stop(): void {
    this.isOver = true;
    this.cancelSilence();
    this.cancelTotal();
  }

  /** Fires after `limitMs` without a sign; a sign since then only moves the moment. */
  private arm(limitMs: number, what: Overrun, inMs = limitMs): void {
    this.cancelSilence = this.clock.after(inMs, () => {
      const restMs = limitMs - this.silentMs;
      if (restMs > 0) this.arm(limitMs, what, restMs);
      else this.end(what);
    });
  }

  private end(overrun: Overrun): void {
    if (this.isOver) return;
    this.stop();
    this.overrun = overrun;
    this.onOverrun(overrun);
  }
}
