import type { ModelId } from '../contracts/ids.ts';
import type { NewJob } from '../contracts/job.ts';
import type { Registry } from '../contracts/registry.ts';
import type { Clock } from '../platform/clock.ts';
import type { StartOffer } from '../queue/start-offer.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { LoadFailures } from './load-failures.ts';
import type { LaneCounts, Lanes, Turntable } from './ports.ts';
import { quarantineOver } from './quarantine.ts';
import type { Refusals } from './refusals.ts';
import type { Residents } from './residents.ts';
import { decide } from './scheduler/decide.ts';
import type { Estimates } from './scheduler/estimates.ts';
import { takePicture } from './scheduler/snapshot.ts';
import type { Decision } from './scheduler/types.ts';
import type { SwapPlan, Swapper } from './swapper.ts';
import { planWish, type Wish } from './wishes.ts';

export interface GpuLoopOptions {
  readonly lanes: Lanes;
  readonly residents: Residents;
  readonly estimates: Estimates;
  readonly failures: LoadFailures;
  readonly dispatcher: Dispatcher;
  readonly swapper: Swapper;
  readonly turntable: Pick<Turntable, 'states' | 'readAhead'>;
  readonly refusals: Refusals;
  readonly registry: () => Registry;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** How long a turn may be from the next when nothing wakes the loop before. */
const restMs = { jobsWait: 200, nothingWaits: 2000, softDrain: 100, redisIsAway: 500 } as const;

/**
 * The single writer: everything that starts a job or a swap happens in its turns, one after another. A turn looks at
 * the lanes, fills ready residents, and asks the policy whether to swap.
 */
export class GpuLoop {
  private readonly options: GpuLoopOptions;
  private readonly wishes: Wish[] = [];
  /** What the last look at the lanes saw; until the first one, everything must be looked at. */
  private isAnyWaiting = true;
  /** How often something changed since the first look. */
  private changes = 0;
  private paused: ReadonlySet<ModelId> = new Set();
  private swap: Promise<void> | null = null;
  private isStopping = false;
  private running: Promise<void> = Promise.resolve();

  constructor(options: GpuLoopOptions) {
    this.options = options;
  }

  start(): void {
    this.running = this.run();
  }

  /** Starts nothing more; resolves when the turn and the swap under way are over. */
  async stop(): Promise<void> {
    this.isStopping = true;
    this.options.swapper.stop();
    this.options.lanes.wake();
    await this.running;
    await this.swap;
  }

  wish(wish: Wish): void {
    this.wishes.push(wish);
    this.options.lanes.wake();
  }

  /** A slot for a job on its way into the queue; null while anything waits, or its model is not ready for it. */
  offerStart(job: NewJob): StartOffer | null {
    if (this.isAnyWaiting || this.isStopping || this.paused.has(job.model)) return null;
    const spec = this.options.registry().models.get(job.model);
    return spec === undefined ? null : this.options.dispatcher.offer(spec, job);
  }

  /** Something is not as the last look saw it: a job waits in its lane, or the operator paused a model. */
  lookAgain(): void {
    this.isAnyWaiting = true;
    this.changes += 1;
    this.options.lanes.wake();
  }

  /** A job is over: of interest to those who wait, and to nobody else. */
  slotFreed(): void {
    if (this.isAnyWaiting || this.swap !== null) this.options.lanes.wake();
  }

  private async run(): Promise<void> {
    while (!this.isStopping) {
      const waitMs = await this.turn().catch((error: unknown) => this.fault(error));
      if (waitMs > 0) await this.options.lanes.waitForWork(waitMs);
    }
  }

  /** Returns how long it has nothing to do, ms. */
  private async turn(): Promise<number> {
    const seen = await this.look();
    if (seen === null) return restMs.redisIsAway;
    const started = await this.fillResidents(seen);
    const lanes = started > 0 ? await this.look() : seen;
    if (lanes === null) return restMs.redisIsAway;
    const rest = lanes.some(isWaitedFor) ? restMs.jobsWait : restMs.nothingWaits;
    if (this.swap !== null || this.isStopping) return rest;
    const forced = this.removal() ?? this.nextWish();
    if (forced !== null) return this.begin(forced);
    return this.follow(this.decide(lanes), rest);
  }

  private async look(): Promise<readonly LaneCounts[] | null> {
    const { lanes, estimates, refusals, registry, clock } = this.options;
    const before = this.changes;
    const counts = await lanes.snapshot().catch(() => null);
    // What changed meanwhile may have been too late for this look.
    this.isAnyWaiting = counts === null || counts.some(isWaitedFor) || this.changes !== before;
    if (counts === null) return null;
    this.paused = new Set(counts.filter(({ paused }) => paused).map(({ model }) => model));
    for (const { model, accepted } of counts) estimates.observeArrivals(model, accepted, clock.now());
    await refusals.ofRemoved(registry().models);
    await refusals.ofUnstartable(counts, clock.now());
    return counts;
  }

  private async fillResidents(lanes: readonly LaneCounts[]): Promise<number> {
    const { dispatcher, residents, registry } = this.options;
    const { models, scheduler } = registry();
    let started = 0;
    for (const lane of lanes) {
      const spec = models.get(lane.model);
      if (spec === undefined || lane.paused || !residents.isReady(lane.model)) continue;
      started += await dispatcher.fill(lane, spec, scheduler.target);
    }
    return started;
  }

  private decide(lanes: readonly LaneCounts[]): Decision {
    const { residents, estimates, failures, registry, clock } = this.options;
    const { models, scheduler, vramMb } = registry();
    const servers = this.options.turntable.states();
    const onTurntable = residents.pictures((model) => models.get(model)?.pinned ?? false);
    const isIdle = onTurntable.every(({ inflight }) => inflight === 0);
    const picture = takePicture({
      lanes,
      residents: onTurntable,
      specs: models,
      estimates,
      gpu: { vramMb },
      blockedUntil: (model) =>
        quarantineOver(model, { lanes, failures, isIdle }) ? failures.blockedUntil(model) : Infinity,
      sleeps: (model) => servers.get(model)?.sleeps ?? false,
      lastVisit: (model) => residents.lastVisit(model),
      swapping: this.swap !== null,
    });
    return decide(clock.now(), picture, scheduler);
  }

  private follow(decision: Decision, rest: number): number {
    const { residents, clock } = this.options;
    if (decision.kind === 'swap' && decision.soften) {
      for (const model of decision.evict) residents.soften(model, clock.now());
      this.options.turntable.readAhead(decision.load);
      return restMs.softDrain;
    }
    residents.harden();
    if (decision.kind === 'swap') return this.begin(decision);
    if (decision.kind === 'wait') return Math.min(rest, Math.max(1, decision.until - clock.now()));
    return rest;
  }

  private begin(plan: SwapPlan): number {
    const { swapper, lanes } = this.options;
    this.swap = swapper.run(plan).catch((error: unknown) => void this.fault(error));
    void this.swap.then(() => {
      this.swap = null;
      lanes.wake();
    });
    return 0;
  }

  /** A resident that the registry no longer has leaves when its running jobs are over. */
  private removal(): SwapPlan | null {
    const { residents, registry } = this.options;
    const { models } = registry();
    const evict = residents.models.filter((model) => !models.has(model));
    const why = 'it is no longer in the models file';
    return evict.length === 0 ? null : { load: null, evict, reason: 'removed', why };
  }

  private nextWish(): SwapPlan | null {
    const { residents, registry, failures, turntable } = this.options;
    const { models, vramMb } = registry();
    const isAsleep = (model: ModelId) => turntable.states().get(model)?.state === 'asleep';
    for (let wish = this.wishes.shift(); wish !== undefined; wish = this.wishes.shift()) {
      if (wish.type === 'load') failures.forget(wish.model);
      const pictures = residents.pictures((model: ModelId) => models.get(model)?.pinned ?? false);
      const plan = planWish(wish, { residents: pictures, isAsleep, specs: models, vramMb });
      if (plan !== null) return plan;
    }
    return null;
  }

  private fault(error: unknown): number {
    this.options.onFault(error);
    return restMs.redisIsAway;
  }
}

const isWaitedFor = ({ waiting }: LaneCounts): boolean => waiting.some((n) => n > 0);
