import type { Comparison, Outcome } from './compare.ts';

export interface Target {
  readonly what: string;
  /** undefined: what it needs was not run. */
  readonly valueOf: (results: Comparison) => number | undefined;
  readonly must: number;
  readonly moonshot?: number;
  readonly isAtLeast?: boolean;
  readonly digits: number;
}

/** s: the best schedules that a long search with knowledge of the future found, when the policy was designed. */
const bestFoundS = { mixed3: 112, zipf8: 211 } as const;
/** s: a bound on `abab` that was proven then; that of `lower-bound.ts` is a little weaker. */
const provenS = 83;

const of =
  (trace: string, value: (outcome: Outcome) => number | undefined, variant = 'rent') =>
  (results: Comparison) => {
    const outcome = results[trace]?.[variant];
    return outcome && value(outcome);
  };

/** The most that a variant adds to the pain of `rent`, over all traces that ran both, in percent. */
const worstLoss =
  (...names: readonly string[]) =>
  (results: Comparison) => {
    const losses = Object.values(results).flatMap((outcomes) =>
      names.flatMap((name) => {
        const [pain, usual] = [outcomes[name]?.pain, outcomes.rent?.pain];
        return pain === undefined || usual === undefined ? [] : [100 * (pain / usual - 1)];
      }),
    );
    return losses.length === 0 ? undefined : Math.max(...losses);
  };

/** Mean over the jobs of all keys but one. */
const othersMean = ({ byKey }: Outcome, but: string, model: string): number | undefined => {
  const waits = Object.entries(byKey).flatMap(([key, { byModel }]) => (key === but ? [] : [byModel[model]]));
  const known = waits.filter((each) => each !== undefined);
  const jobs = known.reduce((sum, each) => sum + each.jobs, 0);
  return jobs === 0 ? undefined : known.reduce((sum, each) => sum + each.jobs * each.meanWaitS, 0) / jobs;
};

const percent = (share: number | undefined) => share && 100 * share;
const interactive = ({ byClass }: Outcome) => byClass.interactive;

const row = (
  what: string,
  value: Target['valueOf'],
  must: number,
  moonshot?: number,
  digits = 2,
): Target => ({ ...{ what, valueOf: value, must, digits }, ...(moonshot !== undefined && { moonshot }) });

export const targets: readonly Target[] = [
  row(
    'mixed3: swaps, % of FIFO',
    of('mixed3', (o) => percent(o.toFifo?.swaps)),
    22,
    17,
    1,
  ),
  row(
    'mixed3: mean wait ÷ best found',
    of('mixed3', (o) => o.meanWaitS / bestFoundS.mixed3),
    1.3,
    1.18,
  ),
  row(
    'mixed3: pain',
    of('mixed3', (o) => o.pain),
    2,
    1.86,
  ),
  row(
    'zipf8: swaps, % of FIFO',
    of('zipf8', (o) => percent(o.toFifo?.swaps)),
    13,
    11,
    1,
  ),
  row(
    'zipf8: mean wait ÷ best found',
    of('zipf8', (o) => o.meanWaitS / bestFoundS.zipf8),
    1.1,
    1,
  ),
  row(
    'zipf8: pain',
    of('zipf8', (o) => o.pain),
    4,
    3.3,
  ),
  row(
    'abab: swaps, % of FIFO',
    of('abab', (o) => percent(o.toFifo?.swaps)),
    17,
    undefined,
    1,
  ),
  row(
    'abab: mean wait ÷ proven bound',
    of('abab', (o) => o.meanWaitS / provenS),
    1.18,
    1.1,
  ),
  row(
    'starver: longest wait of an image, s',
    of('starver', (o) => o.byModel.flux?.maxWaitS),
    1000,
    undefined,
    0,
  ),
  row(
    'starver: interactive p99, s',
    of('starver', (o) => interactive(o)?.p99WaitS),
    Infinity,
    200,
    0,
  ),
  row(
    'flood: interactive mean, s',
    of('flood', (o) => interactive(o)?.meanWaitS),
    250,
    150,
    0,
  ),
  row(
    'flood: last batch job done, h',
    of('flood', (o) => (o.byClass.batch?.doneS ?? 0) / 3600),
    3.4,
    3.4,
  ),
  row(
    'zipf8-s: interactive mean, s',
    of('zipf8-s', (o) => interactive(o)?.meanWaitS),
    16,
    10,
    1,
  ),
  row(
    'zipf8-s: interactive p99, s',
    of('zipf8-s', (o) => interactive(o)?.p99WaitS),
    100,
    60,
    0,
  ),
  {
    ...row(
      'zipf8-s: in target, %',
      of('zipf8-s', (o) => percent(o.inTarget)),
      84,
      92,
      1,
    ),
    isAtLeast: true,
  },
  row(
    'zipf8-80gb: pain',
    of('zipf8-80gb', (o) => o.pain),
    0.65,
    0.4,
  ),
  row(
    'zipf8-2gpu: pain',
    of('zipf8-2gpu', (o) => o.pain),
    0.6,
    0.35,
  ),
  row(
    'priors 0.3 and 3 times the truth: most pain added, %',
    worstLoss('rent-priors-0.3', 'rent-priors-3'),
    15,
    5,
    1,
  ),
  row(
    "noisy: the others' images, mean, s",
    of('noisy', (o) => othersMean(o, 'z', 'flux')),
    300,
    undefined,
    0,
  ),
  row(
    'noisy: music, mean, s',
    of('noisy', (o) => o.byModel.musicgen?.meanWaitS),
    380,
    undefined,
    0,
  ),
  row(
    'noisy: swaps',
    of('noisy', (o) => o.swaps),
    85,
    undefined,
    1,
  ),
  row('one key does everything: most pain added, %', worstLoss('rent-one-key'), 5, undefined, 1),
];

export const isReached = ({ isAtLeast }: Target, value: number, limit: number): boolean =>
  isAtLeast ? value >= limit : value <= limit;
