import type { BootId } from '../contracts/ids.ts';
import { type JobClass, jobClasses } from '../contracts/job.ts';
import type { ModelSpec } from '../contracts/model.ts';
import type { Clock } from '../platform/clock.ts';
import { type AttemptFacts, type AttemptTools, runAttempt } from './attempt.ts';
import { untilLetGo } from './let-go.ts';
import type { ClaimedJob, LaneCounts, Lanes, ServerLease, Turntable } from './ports.ts';
import type { Residents, Slot } from './residents.ts';
import { nextClass } from './scheduler/dispatch.ts';
import type { Estimates } from './scheduler/estimates.ts';
import type { ClassIndex, Triple } from './scheduler/types.ts';

export interface DispatcherOptions extends AttemptTools {
  readonly lanes: Pick<Lanes, 'claim'>;
  /** Called when a job is over. */
  readonly onFree: () => void;
  readonly turntable: Pick<Turntable, 'lease'>;
  readonly residents: Residents;
  readonly estimates: Estimates;
  readonly clock: Clock;
}

interface Running {
  readonly abandon: AbortController;
  readonly ended: Promise<void>;
  /** The start of the server that works on it; null: none was ready. */
  readonly bootId: BootId | null;
  /** Its connection is closed; whether the server has noticed is not known yet. */
  isLettingGo: boolean;
}

/** Claims jobs for ready residents and runs them, at most `concurrency` at once on each. */
export class Dispatcher {
  private readonly options: DispatcherOptions;
  private readonly abort = new AbortController();
  private readonly running = new Map<ClaimedJob, Running>();
  private isStopping = false;

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
    const waiting: [number, number, number] = [...lane.waiting];
    let started = 0;
    for (;;) {
      const slots = Math.min(this.freeSlots(spec), spec.concurrency - started);
      const classes = takeClasses(lane, waiting, targets, slots);
      if (classes.length === 0) return started;
      const claimed = await Promise.all(classes.map((each) => this.claim(spec, each)));
      for (const [at, isStarted] of claimed.entries()) {
        const each = classes[at];
        if (isStarted) started += 1;
        else if (each !== undefined) waiting[each] = 0;
      }
    }
  }

  /** Starts jobs of these classes that have just come, as far as slots are free. Whether all of them were found. */
  async startNew(spec: ModelSpec, classes: readonly JobClass[]): Promise<boolean> {
    const now = classes.slice(0, this.freeSlots(spec));
    const started = await Promise.all(
      now.map((each) => this.claim(spec, jobClasses.indexOf(each) as ClassIndex)),
    );
    return now.length === classes.length && started.every(Boolean);
  }

  /** Nobody waits for this job any more: it is cancelled. */
  abandon(claim: ClaimedJob): void {
    this.running.get(claim)?.abandon.abort(new Error('its client is gone'));
  }

  /** Starts nothing more and waits for what runs; at the deadline the rest is put back, to run again. */
  async stop(deadline: AbortSignal): Promise<void> {
    this.isStopping = true;
    const abort = () => this.abort.abort(new Error('the worker stops'));
    if (deadline.aborted) abort();
    deadline.addEventListener('abort', abort, { once: true });
    await Promise.all([...this.running.values()].map(({ ended }) => ended));
    deadline.removeEventListener('abort', abort);
  }

  private freeSlots({ id, concurrency }: ModelSpec): number {
    const { residents } = this.options;
    return this.isStopping || !residents.isReady(id) ? 0 : Math.max(0, concurrency - residents.inFlight(id));
  }

  /** Whether a job came and was started. One that comes when the worker stops goes back as if it had not come. */
  private async claim(spec: ModelSpec, jobClass: ClassIndex): Promise<boolean> {
    const claim = await this.options.lanes.claim(spec.id, jobClasses[jobClass]);
    if (claim === null) return false;
    if (this.isStopping) await claim.settle({ kind: 'snooze' });
    else this.start(claim, spec);
    return !this.isStopping;
  }

  private start(claim: ClaimedJob, spec: ModelSpec): void {
    const { residents, clock, turntable } = this.options;
    const endSlot = residents.start(spec.id, clock.now());
    const lease = turntable.lease(spec.id);
    const abandon = new AbortController();
    const ended = this.serve(claim, spec, lease, abandon.signal).finally(() => this.end(claim, endSlot));
    this.running.set(claim, { abandon, ended, bootId: lease?.bootId ?? null, isLettingGo: false });
  }

  private end(claim: ClaimedJob, endSlot: Slot): void {
    this.running.delete(claim);
    endSlot();
    this.options.onFree();
  }

  private async serve(
    claim: ClaimedJob,
    spec: ModelSpec,
    lease: ServerLease | null,
    abandoned: AbortSignal,
  ): Promise<void> {
    const { emit } = this.options;
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
    const { clock, estimates } = this.options;
    const startedMs = clock.monotonicMs();
    const { outcome, isBrokenOff } = await runAttempt(this.options, facts);
    if (outcome.kind === 'completed') estimates.jobTook(spec.id, clock.monotonicMs() - startedMs);
    await claim.settle(outcome);
    if (isBrokenOff) await this.untilLetGo(claim, lease);
  }

  private async untilLetGo(claim: ClaimedJob, lease: ServerLease): Promise<void> {
    const { http, clock } = this.options;
    const mine = this.running.get(claim);
    if (mine !== undefined) mine.isLettingGo = true;
    const atWork = () =>
      [...this.running.values()].filter(({ bootId, isLettingGo }) => bootId === lease.bootId && !isLettingGo);
    await untilLetGo({
      http,
      clock,
      lease,
      stopping: this.abort.signal,
      othersInFlight: () => atWork().length,
    });
  }
}

/** Classes of the jobs to claim next, one for each slot, taken off what waits. */
function takeClasses(
  lane: LaneCounts,
  waiting: [number, number, number],
  targets: Triple,
  slots: number,
): readonly ClassIndex[] {
  const classes: ClassIndex[] = [];
  while (classes.length < slots) {
    const next = nextClass({ ...lane, waiting }, targets);
    if (next === null) break;
    waiting[next] -= 1;
    classes.push(next);
  }
  return classes;
}
