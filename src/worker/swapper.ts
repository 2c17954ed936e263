import { errors } from '../contracts/error-catalogue.ts';
import { RoundhouseError } from '../contracts/errors.ts';
import type { Emit } from '../contracts/events.ts';
import type { ModelId } from '../contracts/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { LoadFailures } from './load-failures.ts';
import type { Turntable } from './ports.ts';
import type { Residents } from './residents.ts';
import type { Estimates, Tier } from './scheduler/estimates.ts';

export interface SwapPlan {
  /** null: only make room. */
  readonly load: ModelId | null;
  readonly evict: readonly ModelId[];
  readonly reason: string;
  readonly why: string;
}

export interface SwapperOptions {
  readonly turntable: Turntable;
  readonly residents: Residents;
  readonly estimates: Estimates;
  readonly failures: LoadFailures;
  readonly clock: Clock;
  readonly emit: Emit;
  /** The books say more of a failed load than its server does. */
  readonly onFailedLoad: () => void;
}

const leastDrainPatienceMs = 600_000;

/** Carries out one swap: drain, unload, load. A swap that has begun is finished. */
export class Swapper {
  private readonly options: SwapperOptions;
  private isStopping = false;

  constructor(options: SwapperOptions) {
    this.options = options;
  }

  /** Loads nothing more; a load that is called off from now on is no failure of its model. */
  stop(): void {
    this.isStopping = true;
  }

  /** Closes the victims' gates before it returns control for the first time. A load that fails is no rejection. */
  async run(plan: SwapPlan): Promise<void> {
    const { residents, clock, emit } = this.options;
    const { load, evict, reason, why } = plan;
    const startedMs = clock.monotonicMs();
    for (const model of evict) residents.drain(model, clock.now());
    if (load !== null) {
      emit({ type: 'swap.started', load, evict, reason, why });
      this.options.turntable.readAhead(load);
    }
    await Promise.all(evict.map((model) => this.untilDrained(model)));
    const drainedMs = clock.monotonicMs();
    await Promise.all(evict.map((model) => this.unload(model, load)));
    const unloadedMs = clock.monotonicMs();
    if (load === null || !(await this.load(load, evict))) return;
    const loadedMs = clock.monotonicMs();
    emit({
      type: 'swap.finished',
      load,
      evicted: evict,
      reason,
      tookMs: Math.round(loadedMs - startedMs),
      drainMs: Math.round(drainedMs - startedMs),
      unloadMs: Math.round(unloadedMs - drainedMs),
      loadMs: Math.round(loadedMs - unloadedMs),
    });
  }

  /** A job that will not end is ended with its server: nobody waits for ever behind it. */
  private async untilDrained(model: ModelId): Promise<void> {
    const { residents, turntable, estimates, clock } = this.options;
    const patienceMs = Math.max(leastDrainPatienceMs, 3 * estimates.of(model).serviceMs);
    const cancel = clock.after(patienceMs, () => {
      void turntable.lease(model)?.kill(`its drain took longer than ${Math.round(patienceMs / 1000)} s`);
    });
    await residents.untilIdle(model);
    cancel();
  }

  private async unload(model: ModelId, successor: ModelId | null): Promise<void> {
    const { turntable, residents, estimates, clock } = this.options;
    const startedMs = clock.monotonicMs();
    const hasCrashed = !residents.has(model);
    try {
      if (successor === null) await turntable.unload(model, 'asked for');
      else await turntable.evict(model, `makes room for ${successor}`);
      const tookMs = clock.monotonicMs() - startedMs;
      if (!hasCrashed) estimates.unloadTook(model, tookMs, this.tierOf(model));
    } finally {
      residents.leave(model);
    }
  }

  private async load(model: ModelId, evicted: readonly ModelId[]): Promise<boolean> {
    if (this.isStopping) return false;
    const { turntable, residents, estimates, failures, clock } = this.options;
    const before = turntable.states().get(model);
    residents.beginLoad(model, clock.now());
    const startedMs = clock.monotonicMs();
    try {
      await turntable.load(model);
      this.checkStillThere(model);
    } catch (error) {
      residents.leave(model);
      if (!this.isStopping) this.recordFailure(model, evicted, error);
      return false;
    }
    const tookMs = clock.monotonicMs() - startedMs;
    const isSameStart = before?.bootId === turntable.states().get(model)?.bootId;
    if (before?.state !== 'asleep') estimates.loadTook(model, tookMs, 'cold');
    else if (isSameStart) estimates.loadTook(model, tookMs, 'asleep');
    failures.forget(model);
    residents.becomeReady(model, clock.now());
    return true;
  }

  private tierOf(model: ModelId): Tier {
    return this.options.turntable.states().get(model)?.state === 'asleep' ? 'asleep' : 'cold';
  }

  /** A server that dies while it is being reported ready would be loaded again and again without a pause. */
  private checkStillThere(model: ModelId): void {
    const lease = this.options.turntable.lease(model);
    if (lease === null) throw errors.modelLoadFailed(model, 'it went away as soon as it was ready', [], 30);
    lease.release();
  }

  private recordFailure(model: ModelId, evicted: readonly ModelId[], error: unknown): void {
    const { failures, clock, emit } = this.options;
    const told =
      error instanceof RoundhouseError ? error : errors.modelLoadFailed(model, String(error), [], 30);
    const nowMs = clock.now();
    const { blockedUntilMs } = failures.record(model, told.toBody(), nowMs);
    const retryInMs = Math.max(0, blockedUntilMs - nowMs);
    const reason = told.message;
    emit({ type: 'swap.failed', load: model, evicted, reason, failures: failures.count(model), retryInMs });
    this.options.onFailedLoad();
  }
}
