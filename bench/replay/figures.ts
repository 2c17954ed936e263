import { type Measures, measure } from '../traces/measure.ts';
import type { Run } from '../traces/simulate.ts';
import { variants } from '../traces/variants.ts';
import type { Replay } from './replay.ts';

/** One trace, simulated and replayed. `distortion` is what the machine, which does not run faster, added. */
export interface Figures {
  readonly factor: number;
  readonly simulated: Measures;
  readonly replayed: Measures;
  readonly lost: number;
  readonly doubled: number;
  readonly distortion: Distortion;
}

/** S of the trace's time. */
interface Distortion {
  /** A job's run beyond its service time, mean: what is left of what the machine adds. */
  readonly jobS: number;
  /** A swap beyond its unload and load, mean. */
  readonly swapS: number;
  /** Of it that the stand-ins took off, at the end. */
  readonly jobTakenOffS: number;
  readonly swapTakenOffS: number;
}

export function figuresOf({ run, lost, doubled, takenOffMs }: Replay, factor: number): Figures {
  const rent = variants.rent;
  if (rent === undefined) throw new Error('There is no policy "rent" to compare with.');
  return {
    factor,
    simulated: measure(rent.run(run.trace)),
    replayed: measure(run),
    lost,
    doubled,
    distortion: {
      ...leftOf(run),
      jobTakenOffS: takenOffMs.job / 1000,
      swapTakenOffS: takenOffMs.swap / 1000,
    },
  };
}

/** How far the replayed swaps are from the simulated ones, as a share of these. */
export const swapDifference = ({ simulated, replayed }: Figures): number =>
  replayed.swaps / simulated.swaps - 1;

function leftOf({ trace, jobs, swaps }: Run): Pick<Distortion, 'jobS' | 'swapS'> {
  const times = new Map(trace.models.map((model) => [model.id, model]));
  const beyondMs = swaps.map(({ load, evict, drainedMs, readyMs }) => {
    const unloadMs = evict.reduce((sum, model) => sum + (times.get(model)?.unloadMs ?? 0), 0);
    return readyMs - drainedMs - unloadMs - (times.get(load)?.loadMs ?? 0);
  });
  return {
    jobS: mean(jobs.map(({ startedMs, endedMs, serviceMs }) => endedMs - startedMs - serviceMs)) / 1000,
    swapS: mean(beyondMs) / 1000,
  };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, each) => sum + each, 0) / Math.max(1, values.length);
