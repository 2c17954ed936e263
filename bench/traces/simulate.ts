import type { AdmissionWindow } from '../../src/contracts/admission-window.ts';
import type { ModelId } from '../../src/contracts/ids.ts';
import { Admission } from './admission.ts';
import { EventQueue } from './event-queue.ts';
import { type Gpu, House, type Resident, type Swap } from './house.ts';
import type { SimulatedJob } from './lane.ts';
import type { Answer, Policy } from './policies/policy.ts';
import type { Trace } from './trace.ts';

/** All that happened. Times are ms from the start of the trace. */
export interface Run {
  readonly trace: Trace;
  readonly jobs: readonly SimulatedJob[];
  readonly swaps: readonly Swap[];
  /** How often the policy was asked. */
  readonly questions: number;
}

type Event =
  | { readonly type: 'came'; readonly job: SimulatedJob }
  | { readonly type: 'done'; readonly job: SimulatedJob; readonly gpu: Gpu; readonly resident: Resident }
  | { readonly type: 'loaded'; readonly gpu: Gpu };

/** Questions in a row at one moment, before a policy counts as one that never comes to an end. */
const mostAnswers = 50;

/**
 * Plays a trace through a house of models until every job is done. A swap closes the gate on its victims, waits for
 * their running jobs, unloads, and loads; up to `concurrency` jobs of a resident run at once.
 * @throws Error when the policy leaves jobs waiting for ever, or wants what is impossible
 */
export function simulate(
  trace: Trace,
  policy: Policy,
  { window = null }: { window?: AdmissionWindow | null } = {},
): Run {
  return new Simulation(trace, policy, window).run();
}

class Simulation {
  readonly #trace: Trace;
  readonly #policy: Policy;
  readonly #house: House;
  readonly #events = new EventQueue<Event>();
  readonly #admission: Admission;
  readonly #jobs: readonly SimulatedJob[];
  readonly #swaps: Swap[] = [];
  #entered = 0;
  #left: number;
  #questions = 0;
  #askAtMs = Infinity;

  constructor(trace: Trace, policy: Policy, window: AdmissionWindow | null) {
    this.#trace = trace;
    this.#policy = policy;
    this.#house = new House(trace);
    this.#admission = new Admission(window, ({ model }) => this.#house.lane(model).spec.concurrency);
    this.#jobs = trace.jobs.map((job) => ({ ...job, enteredMs: -1, order: -1, startedMs: -1, endedMs: -1 }));
    this.#left = this.#jobs.length;
    for (const job of this.#jobs) this.#events.add(job.tMs, { type: 'came', job });
  }

  run(): Run {
    while (this.#left > 0) {
      const atMs = Math.min(this.#events.nextAtMs, this.#askAtMs);
      if (atMs === Infinity) throw new Error(`${this.#left} jobs of ${this.#trace.name} wait for ever.`);
      this.#house.nowMs = atMs;
      while (this.#events.nextAtMs === atMs) this.#happen(this.#events.take());
      this.#settle();
    }
    return { trace: this.#trace, jobs: this.#jobs, swaps: this.#swaps, questions: this.#questions };
  }

  #happen(event: Event | undefined): void {
    if (event?.type === 'came') this.#came(event.job);
    else if (event?.type === 'done') this.#done(event.job, event.gpu, event.resident);
    else if (event?.type === 'loaded') this.#loaded(event.gpu);
  }

  #came(job: SimulatedJob): void {
    for (const each of this.#admission.came(job, this.#house.nowMs)) this.#enter(each);
  }

  #enter(job: SimulatedJob): void {
    job.enteredMs = this.#house.nowMs;
    job.order = this.#entered++;
    this.#house.lane(job.model).enter(job);
  }

  #done(job: SimulatedJob, gpu: Gpu, { starts }: Resident): void {
    this.#left--;
    starts.splice(starts.indexOf(job.startedMs), 1);
    this.#policy.learns?.jobTook(job.model, job.serviceMs);
    this.#moveOn(gpu);
  }

  /** Starts what may start and asks the policy, until it has nothing more to say. */
  #settle(): void {
    for (let answers = 0; answers < mostAnswers; answers++) {
      for (const gpu of this.#house.gpus) for (const each of gpu.residents.values()) this.#fill(gpu, each);
      this.#askAtMs = Infinity;
      if (this.#house.gpus.every(({ swap }) => swap !== null)) return;
      this.#questions++;
      const answer = this.#policy.decide(this.#house);
      if ('askAtMs' in answer) {
        this.#askAtMs = answer.askAtMs;
        return;
      }
      this.#begin(answer);
    }
    throw new Error(`The policy still wants to swap after ${mostAnswers} swaps at one moment.`);
  }

  #fill(gpu: Gpu, resident: Resident): void {
    const { lane, starts, state } = resident;
    const { nowMs } = this.#house;
    while (state === 'ready' && starts.length < lane.spec.concurrency && lane.length > 0) {
      const next = this.#policy.next(this.#house, lane);
      if (next === null) return;
      const job = lane.take(next);
      job.startedMs = nowMs;
      job.endedMs = nowMs + job.serviceMs;
      starts.push(nowMs);
      resident.lastStartMs = nowMs;
      this.#events.add(job.endedMs, { type: 'done', job, gpu, resident });
      for (const each of this.#admission.started(job, nowMs)) this.#enter(each);
    }
  }

  #begin({ gpu: index, load, evict, reason, why }: Exclude<Answer, { askAtMs: number }>): void {
    const { gpus, lastVisitMs, nowMs } = this.#house;
    const gpu = gpus[index];
    if (gpu === undefined || gpu.swap !== null || gpu.residents.has(load) || !this.#fits(gpu, load, evict))
      throw new Error(`The policy wants ${load} on GPU ${index}, which cannot be.`);
    for (const model of evict) {
      const resident = gpu.residents.get(model);
      if (resident === undefined)
        throw new Error(`The policy evicts ${model}, which is not on GPU ${index}.`);
      resident.state = 'draining';
      lastVisitMs.set(model, nowMs);
    }
    gpu.swap = { gpu: index, load, evict, reason, why, decidedMs: nowMs, drainedMs: -1, readyMs: -1 };
    this.#swaps.push(gpu.swap);
    this.#moveOn(gpu);
  }

  #fits(gpu: Gpu, load: ModelId, evict: readonly ModelId[]): boolean {
    const vramOf = (model: ModelId) => this.#house.lane(model).spec.vram;
    if (this.#house.vram === 0) return evict.length === gpu.residents.size;
    const freed = evict.reduce((sum, model) => sum + vramOf(model), 0);
    return this.#house.used(gpu) - freed + vramOf(load) <= this.#house.vram;
  }

  /** Lets a swap go on when its victims have finished. */
  #moveOn(gpu: Gpu): void {
    const { swap, residents } = gpu;
    if (swap === null || swap.drainedMs >= 0) return;
    if (swap.evict.some((model) => (residents.get(model)?.starts.length ?? 0) > 0)) return;
    swap.drainedMs = this.#house.nowMs;
    const lane = this.#house.lane(swap.load);
    const unloadMs = swap.evict.reduce((sum, model) => sum + this.#house.lane(model).spec.unloadMs, 0);
    swap.readyMs = swap.drainedMs + unloadMs + lane.spec.loadMs;
    for (const model of swap.evict) residents.delete(model);
    const { drainedMs: lastStartMs, readyMs: readyAtMs } = swap;
    residents.set(swap.load, { lane, state: 'loading', readyAtMs, lastStartMs, starts: [] });
    this.#events.add(swap.readyMs, { type: 'loaded', gpu });
  }

  #loaded(gpu: Gpu): void {
    const { swap } = gpu;
    const resident = swap === null ? undefined : gpu.residents.get(swap.load);
    if (swap === null || resident === undefined) return;
    gpu.swap = null;
    resident.state = 'ready';
    this.#policy.learns?.loadTook(swap.load, resident.lane.spec.loadMs);
    for (const model of swap.evict)
      this.#policy.learns?.unloadTook(model, this.#house.lane(model).spec.unloadMs);
  }
}
