import { jobClasses } from '../contracts/job.ts';
import type { ModelSpec } from '../contracts/model.ts';
import type { Clock } from '../platform/clock.ts';
import { type AttemptFacts, type AttemptTools, runAttempt } from './attempt.ts';
import { untilLetGo } from './let-go.ts';
import type { ClaimedJob, LaneCounts, Lanes, Turntable } from './ports.ts';
import type { Residents, Slot } from './residents.ts';
import { nextClass } from './scheduler/dispatch.ts';
import type { Estimates } from './scheduler/estimates.ts';
import type { Triple } from './scheduler/types.ts';

export interface DispatcherOptions extends AttemptTools {
  readonly lanes: Pick<Lanes, 'claim' | 'wake'>;
  readonly turntable: Pick<Turntable, 'lease'>;
  readonly residents: Residents;
  readonly estimates: Estimates;
  readonly clock: Clock;
}

/** Claims jobs for ready residents and runs them, at most `concurrency` at once on each. */
export class Dispatcher {
  private readonly options: DispatcherOptions;
  private readonly abort = new AbortController();
  private readonly running = new Map<
    ClaimedJob,
    { readonly abandon: AbortController; readonly ended: Promise<void> }
  >();

  constructor(options: DispatcherOptions) {
    this.options = options;
  }

  /** Jobs under way, for whoever watches their clients. */
  get claims(): readonly ClaimedJob[] {
    return [...this.running.keys()];
  }

  /**
   * Starts what may start on one model, earliest deadline first: at most `concurrency` jobs, so that a stream of short
   * ones does not hold the turn. Returns how many.
   */
  async fill(lane: LaneCounts, spec: ModelSpec, targets: Triple): Promise<number> {
    const { lanes } = this.options;
    const waiting: [number, number, number] = [...lane.waiting];
    let started = 0;
    while (started < spec.concurrency && this.hasSlot(spec)) {
      const jobClass = nextClass({ ...lane, waiting }, targets);
      if (jobClass === null) break;
      const claim = await lanes.claim(spec.id, jobClasses[jobClass]);
      waiting[jobClass] = claim === null ? 0 : waiting[jobClass] - 1;
      if (claim === null) continue;
      this.start(claim, spec);
      started += 1;
    }
    return started;
  }

  /** Nobody waits for this job any more: it is cancelled. */
  abandon(claim: ClaimedJob): void {
    this.running.get(claim)?.abandon.abort(new Error('its client is gone'));
  }

  /** Waits for what runs; at the deadline the rest is put back, to run again. */
  async stop(deadline: AbortSignal): Promise<void> {
    const abort = () => this.abort.abort(new Error('the worker stops'));
    if (deadline.aborted) abort();
    deadline.addEventListener('abort', abort, { once: true });
    await Promise.all([...this.running.values()].map(({ ended }) => ended));
    deadline.removeEventListener('abort', abort);
  }

  private hasSlot({ id, concurrency }: ModelSpec): boolean {
    const { residents } = this.options;
    return residents.isReady(id) && residents.inFlight(id) < concurrency;
  }

  private start(claim: ClaimedJob, spec: ModelSpec): void {
    const { residents, clock, lanes } = this.options;
    const endSlot = residents.start(spec.id, clock.now());
    const abandon = new AbortController();
    const ended = this.serve(claim, spec, abandon.signal).finally(() => this.end(claim, endSlot, lanes));
    this.running.set(claim, { abandon, ended });
  }

  private end(claim: ClaimedJob, endSlot: Slot, lanes: Pick<Lanes, 'wake'>): void {
    this.running.delete(claim);
    endSlot();
    lanes.wake();
  }

  private async serve(claim: ClaimedJob, spec: ModelSpec, abandoned: AbortSignal): Promise<void> {
    const { turntable, emit } = this.options;
    const lease = turntable.lease(spec.id);
    try {
      if (lease === null) await this.giveBack(claim, spec);
      else await this.runOn({ lease, claim, spec, abandoned, stopping: this.abort.signal });
    } catch (error) {
      emit({ type: 'system.fault', where: `job ${claim.record.id}`, message: String(error) });
    } finally {
      lease?.release();
    }
  }

  /** The books were wrong: no server is ready. A look at the lanes must not claim for it again. */
  private async giveBack(claim: ClaimedJob, { id }: ModelSpec): Promise<void> {
    if (this.options.residents.isReady(id)) this.options.residents.leave(id);
    await claim.settle({ kind: 'snooze' });
  }

  private async runOn(facts: AttemptFacts): Promise<void> {
    const { lease, claim, spec } = facts;
    const { clock, estimates, residents, http } = this.options;
    const startedMs = clock.monotonicMs();
    const { outcome, isBrokenOff } = await runAttempt(this.options, facts);
    if (outcome.kind === 'completed') estimates.jobTook(spec.id, clock.monotonicMs() - startedMs);
    await claim.settle(outcome);
    if (!isBrokenOff || this.abort.signal.aborted) return;
    const othersInFlight = () => residents.inFlight(spec.id) - 1;
    await untilLetGo({ http, clock, lease, othersInFlight });
  }
}
