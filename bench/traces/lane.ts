import type { ModelId } from '../../src/contracts/ids.ts';
import type { LaneCounts } from '../../src/worker/ports.ts';
import type { ClassIndex } from '../../src/worker/scheduler/types.ts';
import type { TraceJob, TraceModel } from './trace.ts';

/** A job on its way through the house. */
export interface SimulatedJob extends TraceJob {
  /** When it entered its lane: later than `tMs` where its key had as many waiting as it may. */
  enteredMs: number;
  /** Its place in the order of entering, over all lanes. */
  order: number;
  /** -1: not yet. */
  startedMs: number;
  endedMs: number;
}

type Numbers = [number, number, number];

/** The waiting jobs of one model, counted as the queue counts them. */
export class Lane implements LaneCounts {
  readonly model: ModelId;
  readonly spec: TraceModel;
  readonly waiting: Numbers = [0, 0, 0];
  readonly oldest: Numbers = [-1, -1, -1];
  readonly sumEnqueued: Numbers = [0, 0, 0];
  readonly accepted: Numbers = [0, 0, 0];
  readonly paused = false;
  readonly #jobs: readonly SimulatedJob[][] = [[], [], []];
  readonly #taken: Numbers = [0, 0, 0];

  constructor(spec: TraceModel) {
    this.spec = spec;
    this.model = spec.id;
  }

  get length(): number {
    return this.waiting[0] + this.waiting[1] + this.waiting[2];
  }

  enter(job: SimulatedJob): void {
    this.#jobs[job.class]?.push(job);
    if (this.waiting[job.class]++ === 0) this.oldest[job.class] = job.enteredMs;
    this.sumEnqueued[job.class] += job.enteredMs;
    this.accepted[job.class]++;
  }

  head(jobClass: ClassIndex): SimulatedJob | undefined {
    return this.#jobs[jobClass]?.[this.#taken[jobClass]];
  }

  /** @throws Error when none of the class waits: a mistake of the policy */
  take(jobClass: ClassIndex): SimulatedJob {
    const job = this.head(jobClass);
    if (job === undefined) throw new Error(`No job of class ${jobClass} waits for ${this.model}.`);
    this.#taken[jobClass]++;
    this.waiting[jobClass]--;
    this.oldest[jobClass] = this.head(jobClass)?.enteredMs ?? -1;
    this.sumEnqueued[jobClass] -= job.enteredMs;
    return job;
  }
}
