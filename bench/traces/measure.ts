import { schedulerDefaults } from '../../src/config/defaults.ts';
import { jobClasses } from '../../src/contracts/job.ts';
import type { SimulatedJob } from './lane.ts';
import type { Run } from './simulate.ts';
import type { TraceJob } from './trace.ts';

/** How some jobs fared. Times in s; pain is the mean over jobs of the wait divided by its class's target. */
export interface Waits {
  readonly jobs: number;
  readonly meanWaitS: number;
  readonly p50WaitS: number;
  readonly p99WaitS: number;
  readonly maxWaitS: number;
  readonly pain: number;
  /** Share of jobs that waited no longer than their target. */
  readonly inTarget: number;
  /** When the last of them was done. */
  readonly doneS: number;
}

export interface Measures extends Waits {
  readonly swaps: number;
  /** Share of all GPU time until the last job was done. */
  readonly swapShare: number;
  /** Unloading and loading; waiting for running jobs to end is `drainS`. */
  readonly swapS: number;
  readonly drainS: number;
  readonly byReason: Readonly<Record<string, number>>;
  readonly byClass: Readonly<Record<string, Waits>>;
  readonly byModel: Readonly<Record<string, Waits>>;
  readonly byKey: Readonly<Record<string, Waits & { readonly byModel: Readonly<Record<string, Waits>> }>>;
}

/** From acceptance to start; what a backlog holds back waits as well. */
export const waitOf = ({ startedMs, tMs }: SimulatedJob): number => startedMs - tMs;

/** What a ms of waiting costs. */
export const painPerMs = (job: TraceJob): number => 1 / schedulerDefaults.target[job.class];

export function measure({ jobs, swaps, trace }: Run): Measures {
  const all = waitsOf(jobs);
  const swapS = sum(swaps.map(({ drainedMs, readyMs }) => readyMs - drainedMs)) / 1000;
  const keyed = jobs.filter(({ key }) => key !== null);
  return {
    swaps: swaps.length,
    swapShare: all.doneS === 0 ? 0 : swapS / all.doneS / trace.gpus,
    ...all,
    swapS,
    drainS: sum(swaps.map(({ decidedMs, drainedMs }) => drainedMs - decidedMs)) / 1000,
    byReason: counts(swaps.map(({ reason }) => reason)),
    byClass: grouped(jobs, (job) => jobClasses[job.class] ?? '', waitsOf),
    byModel: grouped(jobs, ({ model }) => model, waitsOf),
    byKey: grouped(keyed, ({ key }) => key ?? '', withModels),
  };
}

const withModels = (jobs: readonly SimulatedJob[]) => ({
  ...waitsOf(jobs),
  byModel: grouped(jobs, ({ model }) => model, waitsOf),
});

export function waitsOf(jobs: readonly SimulatedJob[]): Waits {
  const waitsMs = Float64Array.from(jobs, waitOf).sort();
  const mean = (values: readonly number[]) => sum(values) / Math.max(1, jobs.length);
  return {
    jobs: jobs.length,
    meanWaitS: mean(jobs.map(waitOf)) / 1000,
    p50WaitS: quantile(waitsMs, 0.5) / 1000,
    p99WaitS: quantile(waitsMs, 0.99) / 1000,
    maxWaitS: (waitsMs.at(-1) ?? 0) / 1000,
    pain: mean(jobs.map((job) => waitOf(job) * painPerMs(job))),
    inTarget: mean(jobs.map((job) => (waitOf(job) * painPerMs(job) <= 1 ? 1 : 0))),
    doneS: jobs.reduce((last, { endedMs }) => Math.max(last, endedMs), 0) / 1000,
  };
}

/** The least value that the share `q` of the sorted values does not exceed; 0 of none. */
const quantile = (sorted: Float64Array, q: number): number =>
  sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;

const sum = (values: readonly number[]): number => values.reduce((total, each) => total + each, 0);

function grouped<Result>(
  jobs: readonly SimulatedJob[],
  nameOf: (job: SimulatedJob) => string,
  of: (jobs: readonly SimulatedJob[]) => Result,
): Record<string, Result> {
  const groups = [...Map.groupBy(jobs, nameOf)].sort(([a], [b]) => a.localeCompare(b));
  return Object.fromEntries(groups.map(([name, group]) => [name, of(group)]));
}

const counts = (names: readonly string[]): Record<string, number> =>
  Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, group]) => [name, group.length]));

/** The mean of results of one shape, number by number; over those that have it. */
export function meanOf<Shape extends object>(results: readonly Shape[]): Shape {
  const names = new Set(results.flatMap((each) => Object.keys(each)));
  return Object.fromEntries(
    [...names].map((name) => {
      const values = results
        .map((each) => (each as Record<string, unknown>)[name])
        .filter((each) => each !== undefined);
      const numbers = values.filter((each) => typeof each === 'number');
      const mean = numbers.length > 0 ? sum(numbers) / numbers.length : meanOf(values as readonly object[]);
      return [name, mean];
    }),
  ) as Shape;
}
