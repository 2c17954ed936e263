import type { Trace, TraceJob, TraceModel } from './trace.ts';
import { type VisitProblem, visitsOfMany, visitsOfOneByOne } from './visits.ts';

/**
 * The priced-time bound: no schedule, not even one that knows the future, waits less in sum.
 *
 * What makes scheduling hard is that all models share the GPU's time. Instead of forbidding that two use it at once,
 * it gets a price per ms, up to the last arrival. Then every model is for itself: which visits cost it least, waiting
 * and paid time together, is found exactly (`visits.ts`). Every real schedule is among the choices, and uses at most
 * the time there is; so the sum of the least costs, less the price of all the time, is below what any of them waits.
 * The price that makes this highest is searched (Lagrangian relaxation; the function of the price is concave).
 *
 * Two things make it lower than it need be: a model with several slots admits at once whoever waits, and a model may
 * overlap with itself. One thing is assumed: where a model serves one job after another, it is in the order of
 * arrival; where that need not be so (several classes or keys, several GPUs), jobs do not wait for one another at all.
 *
 * @param weightOf what a ms of waiting costs a job
 * @returns the sum over jobs of weight and wait, in ms
 */
export function lowerBound(trace: Trace, weightOf: (job: TraceJob) => number): number {
  const untilMs = Math.max(0, ...trace.jobs.map(({ tMs }) => tMs));
  const problems = problemsOf(trace, weightOf, untilMs);
  const at = (price: number): number => {
    let sum = -price * untilMs * trace.gpus;
    for (const { problem, isOneByOne, share } of problems)
      sum += (isOneByOne ? visitsOfOneByOne : visitsOfMany)(problem, price * share);
    return sum;
  };
  const lightest = trace.jobs.reduce((least, job) => Math.min(least, weightOf(job)), Infinity);
  return trace.jobs.length === 0 ? 0 : Math.max(0, highest(at, lightest));
}

interface Problem {
  readonly problem: VisitProblem;
  readonly isOneByOne: boolean;
  /** The part of a GPU that the model takes: all of it where one fits, else by memory. */
  readonly share: number;
}

function problemsOf(trace: Trace, weightOf: (job: TraceJob) => number, untilMs: number): Problem[] {
  const jobsOf = Map.groupBy(trace.jobs, ({ model }) => model);
  return trace.models.flatMap((model) => {
    const jobs = jobsOf.get(model.id) ?? [];
    if (jobs.length === 0) return [];
    const { loadMs, unloadMs, concurrency } = model;
    const problem = {
      ...{ loadMs, unloadMs, concurrency, untilMs },
      arrivedMs: Float64Array.from(jobs, ({ tMs }) => tMs),
      serviceMs: Float64Array.from(jobs, ({ serviceMs }) => serviceMs),
      weight: Float64Array.from(jobs, weightOf),
    };
    const share = trace.vram === 0 ? 1 : model.vram / trace.vram;
    return [{ problem, isOneByOne: isOneByOne(trace, model, jobs), share }];
  });
}

const isOneByOne = (trace: Trace, { concurrency }: TraceModel, jobs: readonly TraceJob[]): boolean =>
  concurrency === 1 &&
  trace.gpus === 1 &&
  jobs.every(({ class: jobClass, key }) => jobClass === jobs[0]?.class && key === jobs[0]?.key);

const goldenRatio = (Math.sqrt(5) - 1) / 2;
const narrowings = 10;

/** The greatest value of a concave function from 0 on, to within what does not matter. */
function highest(of: (price: number) => number, first: number): number {
  let best = of(0);
  let to = first;
  for (let value = of(to); value > best; value = of(to)) {
    best = value;
    to *= 2;
  }
  let from = to / 4;
  let [low, high] = [to - goldenRatio * (to - from), from + goldenRatio * (to - from)];
  let [atLow, atHigh] = [of(low), of(high)];
  for (let step = 0; step < narrowings; step++) {
    if (atLow > atHigh) {
      [to, high, atHigh] = [high, low, atLow];
      low = to - goldenRatio * (to - from);
      atLow = of(low);
    } else {
      [from, low, atLow] = [low, high, atHigh];
      high = from + goldenRatio * (to - from);
      atHigh = of(high);
    }
  }
  return Math.max(best, atLow, atHigh);
}
