import { lowerBound } from './lower-bound.ts';
import { type Measures, meanOf, measure, painPerMs } from './measure.ts';
import type { Trace } from './trace.ts';
import { variants } from './variants.ts';

/** What no schedule can be better than. */
export interface Bound {
  readonly meanWaitS: number;
  readonly pain: number;
}

/** One variant on one trace: means over the seeds. */
export interface Outcome extends Measures {
  /** Divided by what FIFO has; absent where it was not run. */
  readonly toFifo?: { readonly swaps: number; readonly meanWait: number; readonly pain: number };
  /** `lower-bound.ts`; absent where it was not asked for. */
  readonly bound?: Bound;
  /** Divided by the bound; null where that is 0. */
  readonly toBound?: { readonly meanWait: number | null; readonly pain: number | null };
}

/** Trace -> variant -> outcome. */
export type Comparison = Readonly<Record<string, Readonly<Record<string, Outcome>>>>;

/** Runs variants on the same trace drawn from several seeds. */
export function compare(
  draws: readonly Trace[],
  names: readonly string[],
  { isBounded = true }: { isBounded?: boolean } = {},
): Record<string, Outcome> {
  const measured = names.map((name) => [name, meanOf(draws.map((trace) => runOf(name, trace)))] as const);
  const bound = isBounded ? meanOf(draws.map(boundOf)) : undefined;
  const fifo = measured.find(([name]) => name === 'fifo')?.[1];
  return Object.fromEntries(
    measured.map(([name, measures]) => [name, { ...measures, ...ratios(measures, fifo, bound) }]),
  );
}

function runOf(name: string, trace: Trace): Measures {
  const variant = variants[name];
  if (variant === undefined)
    throw new RangeError(`There is no policy "${name}": choose of ${Object.keys(variants).join(', ')}.`);
  return measure(variant.run(trace));
}

const boundOf = (trace: Trace): Bound => ({
  meanWaitS: lowerBound(trace, () => 1) / Math.max(1, trace.jobs.length) / 1000,
  pain: lowerBound(trace, painPerMs) / Math.max(1, trace.jobs.length),
});

const over = (value: number, least: number) => (least < 1e-6 ? null : value / least);

function ratios(
  { swaps, meanWaitS, pain }: Measures,
  fifo: Measures | undefined,
  bound: Bound | undefined,
): Pick<Outcome, 'toFifo' | 'bound' | 'toBound'> {
  const toFifo = fifo && {
    swaps: swaps / fifo.swaps,
    meanWait: meanWaitS / fifo.meanWaitS,
    pain: pain / fifo.pain,
  };
  const toBound = bound && { meanWait: over(meanWaitS, bound.meanWaitS), pain: over(pain, bound.pain) };
  return { ...(toFifo && { toFifo }), ...(bound && { bound }), ...(toBound && { toBound }) };
}
