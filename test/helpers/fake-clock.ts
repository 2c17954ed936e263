import type { Clock } from '../../src/platform/clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Time that stands still until a test moves it. Timers run in the order they are due. */
export class FakeClock implements Clock {
  private readonly startedMs: number;
  private elapsedMs = 0;
  private count = 0;
  private readonly timers = new Set<Timer>();
  private waiters: { readonly timers: number; readonly resolve: () => void }[] = [];

  constructor(nowMs = Date.UTC(2026, 0, 1)) {
    this.startedMs = nowMs;
  }

  now(): number {
    return this.startedMs + this.elapsedMs;
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const finish = (): void => {
        cancel();
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const cancel = this.after(ms, finish);
      signal?.addEventListener('abort', finish, { once: true });
    });
  }

  after(ms: number, run: () => void): () => void {
    const timer = { dueMs: this.elapsedMs + Math.max(0, ms), order: this.count++, run };
    this.timers.add(timer);
    this.waiters = this.waiters.filter(({ timers, resolve }) => this.timers.size < timers || resolve());
    return () => void this.timers.delete(timer);
  }

  /** Timers that wait. */
  get pending(): number {
    return this.timers.size;
  }

  /** Resolves once at least so many timers wait: then the code under test has reached its sleep. */
  whenPending(timers = 1): Promise<void> {
    if (this.timers.size >= timers) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ timers, resolve }));
  }

  /** Moves time, runs what falls due on the way, and lets all of it settle, I/O excepted. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.elapsedMs + ms;
    await settle();
    for (let next = this.nextDue(untilMs); next; next = this.nextDue(untilMs)) {
      this.timers.delete(next);
      this.elapsedMs = Math.max(this.elapsedMs, next.dueMs);
      next.run();
      await settle();
    }
    this.elapsedMs = untilMs;
  }

  private nextDue(untilMs: number): Timer | undefined {
    return [...this.timers]
      .filter(({ dueMs }) => dueMs <= untilMs)
      .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
