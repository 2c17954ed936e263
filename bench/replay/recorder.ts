import type { EventOf, RoundhouseEvent } from '../../src/contracts/events.ts';
import type { JobId } from '../../src/contracts/ids.ts';
import type { Swap } from '../traces/house.ts';
import type { SimulatedJob } from '../traces/lane.ts';
import type { Run } from '../traces/simulate.ts';
import type { Trace } from '../traces/trace.ts';
import { RealCost } from './real-cost.ts';

/** Watches a house at work and tells it as a simulated run would be told. */
export class Recorder {
  /** One entry for each time that a job came to its end. */
  readonly settled: JobId[] = [];
  readonly faults: string[] = [];
  /** What the machine adds to a job. */
  readonly jobCost = new RealCost();
  private readonly trace: Trace;
  private readonly nowMs: () => number;
  private readonly jobs: readonly SimulatedJob[];
  private readonly byId = new Map<JobId, Submitted>();
  private readonly swaps: Swap[] = [];
  private onNews: () => void = () => {};

  /** `nowMs`: from the start of the trace. */
  constructor(trace: Trace, nowMs: () => number) {
    this.trace = trace;
    this.nowMs = nowMs;
    this.jobs = trace.jobs.map((job, order) => ({
      ...job,
      order,
      enteredMs: -1,
      startedMs: -1,
      endedMs: -1,
    }));
  }

  /** The job of the trace at this place goes to the queue under this name; its stand-in works for so long. */
  submitted(place: number, id: JobId, askedMs: number): void {
    const job = this.jobs[place];
    if (job === undefined) throw new RangeError(`The trace has no job ${place}.`);
    job.enteredMs = this.nowMs();
    this.byId.set(id, { job, askedMs });
  }

  readonly hear = (event: RoundhouseEvent): void => {
    if (event.type === 'job.started') this.started(event.jobId);
    else if (event.type === 'job.settled') this.ended(event.jobId);
    else if (event.type === 'swap.started') this.swapBegan(event);
    else if (event.type === 'swap.finished') this.swapEnded(event);
    else if (event.type === 'swap.failed') this.faults.push(`loading ${event.load} failed: ${event.reason}`);
    else if (event.type === 'system.fault') this.faults.push(`${event.where}: ${event.message}`);
    else return;
    this.onNews();
  };

  /** True when all jobs have ended; false when nothing happened for so long that some never will. */
  untilOver(patienceMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const giveUp = () => resolve(false);
      let timer = setTimeout(giveUp, patienceMs);
      this.onNews = () => {
        clearTimeout(timer);
        if (this.settled.length >= this.jobs.length) resolve(true);
        else timer = setTimeout(giveUp, patienceMs);
      };
      this.onNews();
    });
  }

  run(): Run {
    return { trace: this.trace, jobs: this.jobs, swaps: this.swaps, questions: 0 };
  }

  private started(id: JobId): void {
    const submitted = this.byId.get(id);
    if (submitted !== undefined) submitted.job.startedMs = this.nowMs();
  }

  private ended(id: JobId): void {
    const submitted = this.byId.get(id);
    this.settled.push(id);
    if (submitted === undefined) return;
    const { job, askedMs } = submitted;
    job.endedMs = this.nowMs();
    this.jobCost.learn(job.endedMs - job.startedMs - askedMs);
  }

  private swapBegan({ load, evict, reason, why }: EventOf<'swap.started'>): void {
    const decidedMs = this.nowMs();
    this.swaps.push({
      gpu: 0,
      load,
      evict,
      reason,
      why,
      decidedMs,
      drainedMs: decidedMs,
      readyMs: decidedMs,
    });
  }

  private swapEnded({ drainMs }: EventOf<'swap.finished'>): void {
    const swap = this.swaps.at(-1);
    if (swap === undefined) return;
    swap.drainedMs = swap.decidedMs + drainMs;
    swap.readyMs = this.nowMs();
  }
}

interface Submitted {
  readonly job: SimulatedJob;
  readonly askedMs: number;
}
