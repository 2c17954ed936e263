import type { BootId, JobId } from '../contracts/ids.ts';
import { jobClasses, type NewJob } from '../contracts/job.ts';
import type { ModelSpec } from '../contracts/model.ts';
import type { Clock } from '../platform/clock.ts';
import { Ledger } from '../platform/ledger.ts';
import type { StartOffer } from '../queue/start-offer.ts';
import { type AttemptFacts, type AttemptTools, runAttempt } from './attempt.ts';
import type { EarlyRequest } from './early-request.ts';
import { EarlyRequests } from './early-requests.ts';
import { untilLetGo } from './let-go.ts';
import type { ClaimedJob, LaneCounts, Lanes, ServerLease, Turntable } from './ports.ts';
import type { Residents, Slot } from './residents.ts';
import { takeClasses } from './scheduler/dispatch.ts';
import type { Estimates } from './scheduler/estimates.ts';
import type { ClassIndex, Triple } from './scheduler/types.ts';

export interface DispatcherOptions extends AttemptTools {
  readonly lanes: Pick<Lanes, 'claim' | 'ticket'>;
  /** Called when a job is over. */
  readonly onFree: () => void;
  readonly turntable: Pick<Turntable, 'lease'>;
  readonly residents: Residents;
  readonly estimates: Estimates;
  readonly clock: Clock;
}

/** Something that a server of ours may be working on. */
interface AtWork {
  /** The start of the server; null: none was ready. */
  readonly bootId: BootId | null;
  /** Its connection is closed; whether the server has noticed is not known yet. */
  isLettingGo: boolean;
}

type Start = Pick<AttemptFacts, 'spec' | 'early'> & { readonly lease: ServerLease | null };

interface Running extends AtWork {
  readonly claim: ClaimedJob;
  ended: Promise<void>;
}

/** Claims jobs for ready residents and runs them, at most `concurrency` at once on each. */
export class Dispatcher {
  private readonly options: DispatcherOptions;
  private readonly abort = new AbortController();
  /** By the number of their start. */
  private readonly running = new Ledger<number, Running>();
  private readonly early: EarlyRequests;
  private starts = 0;
  private isStopping = false;

  constructor(options: DispatcherOptions) {
    this.options = options;
    this.early = new EarlyRequests({
      ...options,
      untilLetGo: (lease) => this.untilLetGo(lease, 'wait'),
      onFault: (jobId, error) => this.fault(jobId, error),
    });
  }

  /** Jobs under way, for whoever watches their clients. */
  get claims(): readonly ClaimedJob[] {
    return [...this.running.values()].map(({ claim }) => claim);
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

  /** Holds a slot for a job that is being accepted; null: none is free. */
  offer(spec: ModelSpec, job: NewJob): StartOffer | null {
    if (this.freeSlots(spec) === 0) return null;
    const { lanes, residents, clock, onFree } = this.options;
    const ticket = lanes.ticket(spec.id, job.class);
    if (ticket === null) return null;
    const endSlot = residents.start(spec.id, clock.now());
    const early = this.early.prepare(spec.id, job);
    const { token, workerName, lockDurationMs } = ticket;
    return {
      ...{ token, workerName, lockDurationMs },
      begin: () => early?.begin(),
      started: (mine, startedAtMs) => {
        const claim = ticket.open(mine, startedAtMs);
        const isOfUse = !this.isStopping && early?.lease.gone.aborted === false;
        if (!isOfUse) void this.early.callOff(early);
        if (this.isStopping) void claim.settle({ kind: 'snooze' }).finally(endSlot);
        else this.start(claim, spec, endSlot, isOfUse ? early : null);
      },
      declined: () => {
        ticket.close();
        void this.early.callOff(early).finally(() => {
          endSlot();
          onFree();
        });
      },
    };
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
    else this.start(claim, spec, this.options.residents.start(spec.id, this.options.clock.now()));
    return !this.isStopping;
  }

  private start(claim: ClaimedJob, spec: ModelSpec, endSlot: Slot, early: EarlyRequest | null = null): void {
    const lease = early?.lease ?? this.options.turntable.lease(spec.id);
    const number = ++this.starts;
    const mine: Running = {
      claim,
      bootId: lease?.bootId ?? null,
      isLettingGo: false,
      ended: Promise.resolve(),
    };
    this.running.set(number, mine);
    this.early.handOver(early);
    mine.ended = this.serve(mine, { spec, lease, early }).finally(() => {
      this.running.delete(number);
      endSlot();
      this.options.onFree();
    });
  }

  private async serve(mine: Running, { spec, lease, early }: Start): Promise<void> {
    const { claim } = mine;
    try {
      if (lease === null) return await this.giveBack(claim, spec);
      await this.runOn(mine, { claim, spec, lease, early, stopping: this.abort.signal });
    } catch (error) {
      this.fault(claim.record.id, error);
    } finally {
      lease?.release();
    }
  }

  /** The books were wrong: no server is ready. A look at the lanes must not claim for it again. */
  private async giveBack(claim: ClaimedJob, { id }: ModelSpec): Promise<void> {
    if (this.options.residents.isReady(id)) this.options.residents.leave(id);
    await claim.settle({ kind: 'snooze' });
  }

  private async runOn(mine: Running, facts: AttemptFacts): Promise<void> {
    const { claim, spec, lease } = facts;
    const { clock, estimates } = this.options;
    const startedMs = clock.monotonicMs();
    const { outcome, isBrokenOff } = await runAttempt(this.options, facts);
    if (outcome.kind === 'completed') estimates.jobTook(spec.id, clock.monotonicMs() - startedMs);
    await claim.settle(outcome);
    mine.isLettingGo = isBrokenOff;
    if (isBrokenOff) await this.untilLetGo(lease, 'kill');
  }

  private fault(jobId: JobId, error: unknown): void {
    this.options.emit({ type: 'system.fault', where: `job ${jobId}`, message: String(error) });
  }

  private async untilLetGo(lease: ServerLease, ifHeld: 'kill' | 'wait'): Promise<void> {
    const { http, clock } = this.options;
    const isAtWork = ({ bootId, isLettingGo }: AtWork) => bootId === lease.bootId && !isLettingGo;
    const othersInFlight = () => [...this.running.values(), ...this.early.values()].filter(isAtWork).length;
    await untilLetGo({ http, clock, lease, stopping: this.abort.signal, othersInFlight, ifHeld });
  }
}
