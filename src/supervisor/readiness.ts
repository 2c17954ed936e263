import type { BootId } from '../contracts/ids.ts';
import type { ModelDeadlines } from '../contracts/model.ts';
import type { Clock } from '../platform/clock.ts';
import { exitReason } from './exit-reason.ts';
import { type HealthAnswer, judgeHealth } from './health-verdict.ts';
import type { StartSigns } from './start-signs.ts';

const firstPauseMs = 250;
const longestPauseMs = 1_000;
const probeTimeoutMs = 2_000;

export interface ReadinessOptions {
  readonly signs: StartSigns;
  readonly bootId: BootId;
  readonly isOwnSocket: boolean;
  readonly deadlines: Pick<ModelDeadlines, 'loadStallMs' | 'loadTotalMs'>;
  readonly clock: Clock;
  /** One `GET /health`; null: nobody answers. */
  readonly probe: (signal: AbortSignal) => Promise<HealthAnswer | null>;
  readonly onLoading: (progress: number | null, phase: string | null) => void;
  /** Aborts when the start is no longer wanted. */
  readonly signal: AbortSignal;
}

/** Why a start came to nothing, as the end of a sentence. */
export type Readiness = { readonly kind: 'ready' } | { readonly kind: 'failed'; readonly reason: string };

/**
 * Resolves when the server can really generate, or cannot any more. An event wakes it at once; health is asked to
 * confirm, and every second for servers that send no events. A server is given up when it shows no sign of life for
 * `loadStallMs`, or after `loadTotalMs`.
 */
export async function untilReady(options: ReadinessOptions): Promise<Readiness> {
  const watch = new ReadinessWatch(options);
  for (;;) {
    const news = options.signs.next();
    const verdict = watch.judgeSigns() ?? (await watch.askHealth(news)) ?? watch.judgeSigns();
    if (verdict) return verdict;
    await watch.pause(news);
  }
}

class ReadinessWatch {
  private readonly options: ReadinessOptions;
  private readonly startedMs: number;
  private pauseMs = firstPauseMs;
  private sawStranger = false;

  constructor(options: ReadinessOptions) {
    this.options = options;
    this.startedMs = options.clock.monotonicMs();
  }

  judgeSigns(): Readiness | null {
    const { signs, signal, deadlines, clock } = this.options;
    if (signs.exit) return failed(`${exitReason(signs.exit)} before it was ready`);
    if (signs.status === 'SETUP_FAILED' || signs.status === 'DEFUNCT')
      return failed(signs.error ?? `it says ${signs.status} and not why`);
    if (signal.aborted) return failed('the load was called off');
    const nowMs = clock.monotonicMs();
    if (nowMs - this.startedMs >= deadlines.loadTotalMs)
      return failed(`it was not ready after ${seconds(deadlines.loadTotalMs)}${this.details()}`);
    if (nowMs - signs.lastSignMs >= deadlines.loadStallMs)
      return failed(
        `it showed no sign of life for ${seconds(deadlines.loadStallMs)} while loading${this.details()}`,
      );
    return null;
  }

  /** One probe, given up when something happens that decides without it. */
  async askHealth(news: Promise<void>): Promise<Readiness | null> {
    const { probe, clock, signs, onLoading } = this.options;
    const stop = new AbortController();
    const cancelTimeout = clock.after(Math.min(probeTimeoutMs, this.remainingMs()), () => stop.abort());
    const answer = await Promise.race([probe(stop.signal), news.then(() => null), this.aborted(stop.signal)]);
    cancelTimeout();
    stop.abort();
    if (!answer || signs.exit) return null;
    const verdict = judgeHealth(answer, this.options);
    this.sawStranger = verdict.kind === 'stranger';
    if (verdict.kind === 'ready') return verdict;
    if (verdict.kind === 'failed') return failed(verdict.error);
    if (verdict.kind === 'loading') {
      signs.sawProgress(verdict.progress, verdict.phase);
      onLoading(signs.progress, signs.phase);
    }
    return null;
  }

  async pause(news: Promise<void>): Promise<void> {
    const stop = new AbortController();
    const restMs = Math.min(this.pauseMs, this.remainingMs());
    this.pauseMs = Math.min(longestPauseMs, this.pauseMs * 2);
    await Promise.race([this.options.clock.sleep(restMs, stop.signal), news, this.aborted(stop.signal)]);
    stop.abort();
  }

  private remainingMs(): number {
    const { signs, deadlines, clock } = this.options;
    const nowMs = clock.monotonicMs();
    const endMs = Math.min(this.startedMs + deadlines.loadTotalMs, signs.lastSignMs + deadlines.loadStallMs);
    return Math.max(1, Math.ceil(endMs - nowMs));
  }

  private aborted(until: AbortSignal): Promise<null> {
    const { signal } = this.options;
    if (signal.aborted) return Promise.resolve(null);
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(null), { once: true, signal: until });
    });
  }

  private details(): string {
    const { phase, progress } = this.options.signs;
    const share = progress === null ? null : `${Math.round(progress * 100)} %`;
    const where = [phase, share].filter(Boolean).join(', ');
    const stranger = this.sawStranger ? '; another program answers at its address' : '';
    return `${where && ` (${where})`}${stranger}`;
  }
}

const failed = (reason: string): Readiness => ({ kind: 'failed', reason });
const seconds = (ms: number): string => `${Number((ms / 1000).toFixed(1))} s`;
