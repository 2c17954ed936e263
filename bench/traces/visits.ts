/** The jobs of one model in the order of arrival, and what its visits take. Times in ms. */
export interface VisitProblem {
  readonly loadMs: number;
  readonly unloadMs: number;
  readonly concurrency: number;
  /** GPU time costs until then, and nothing after. */
  readonly untilMs: number;
  readonly arrivedMs: Float64Array;
  readonly serviceMs: Float64Array;
  /** What a ms of waiting costs each. */
  readonly weight: Float64Array;
}

const at = (values: Float64Array, index: number): number => values[index] ?? 0;

/** `sums[i]`: of the first `i` values. */
function sumsOf(count: number, of: (index: number) => number): Float64Array {
  const sums = new Float64Array(count + 1);
  for (let index = 0; index < count; index++) sums[index + 1] = at(sums, index) + of(index);
  return sums;
}

/** Of a longer visit than so many jobs, only the last so many count for when its work is done; fewer where it is dear. */
const rememberedOf = ({ arrivedMs }: VisitProblem): number => (arrivedMs.length > 5_000 ? 16 : 64);

/**
 * Least cost of waiting and paid GPU time for a model that admits at once whoever waits. A visit serves the jobs from
 * `i` to `j`. Readiness a ms later costs what the waiting jobs weigh and saves a ms of GPU time, until the last job to
 * end is one that waited: there, or where enough wait, it is best.
 */
export function visitsOfMany(problem: VisitProblem, price: number): number {
  const { loadMs, unloadMs, untilMs, arrivedMs, weight } = problem;
  const count = arrivedMs.length;
  const weights = sumsOf(count, (index) => at(weight, index));
  const moments = sumsOf(count, (index) => at(weight, index) * at(arrivedMs, index));
  const ends = lastEnds(problem);
  /** Least cost of the jobs from `i` on while the model is away. */
  const away = new Float64Array(count + 1);
  /** The same in a long visit that has just admitted `i`. */
  const there = new Float64Array(count + 1);
  let enough = count;
  for (let i = count - 1; i >= 0; i--) {
    const leaveMs = Math.min(at(ends, i) + unloadMs, untilMs) - at(arrivedMs, i);
    const leaving = price * Math.max(0, leaveMs) + at(away, i + 1);
    const staying = price * (at(arrivedMs, i + 1) - at(arrivedMs, i)) + at(there, i + 1);
    there[i] = i + 1 < count ? Math.min(leaving, staying) : leaving;

    const [weightBefore, momentBefore] = [at(weights, i), at(moments, i)];
    const waits = (readyMs: number, end: number): number =>
      (at(weights, end) - weightBefore) * readyMs - (at(moments, end) - momentBefore);
    while (enough > i && at(weights, enough) - weightBefore >= price) enough--;
    const last = Math.min(enough, count - 1);
    const short = leastOfShort(problem, { price, i, last, waits, away });
    const long = leastOfLong(problem, { price, i, last, waits, there });
    away[i] = Math.min(waits(untilMs + loadMs, count), short, long);
  }
  return at(away, 0);
}

/** When the jobs that came last before each, itself included, are over if each starts at once. */
function lastEnds(problem: VisitProblem): Float64Array {
  const { arrivedMs, serviceMs } = problem;
  const remembered = rememberedOf(problem);
  return arrivedMs.map((_arrived, index) => {
    let end = 0;
    for (let each = Math.max(0, index - remembered + 1); each <= index; each++)
      end = Math.max(end, at(arrivedMs, each) + at(serviceMs, each));
    return end;
  });
}

interface VisitsFrom {
  readonly price: number;
  readonly i: number;
  /** The first job with which those from `i` on weigh as much as the price. */
  readonly last: number;
  /** Weighted waits of the jobs from `i` to before `end`, all of which wait until `readyMs`. */
  readonly waits: (readyMs: number, end: number) => number;
}

/** Visits of at most as many jobs as are remembered: exact. */
function leastOfShort(
  problem: VisitProblem,
  { price, i, last, waits, away }: VisitsFrom & { readonly away: Float64Array },
): number {
  const { loadMs, unloadMs, concurrency, untilMs, arrivedMs, serviceMs } = problem;
  const remembered = rememberedOf(problem);
  const firstMs = at(arrivedMs, i);
  let least = Infinity;
  let endMs = 0;
  let longestMs = 0;
  let workMs = 0;
  for (let j = i; j < Math.min(i + remembered, arrivedMs.length); j++) {
    const serviceOfJ = at(serviceMs, j);
    endMs = Math.max(endMs, at(arrivedMs, j) + serviceOfJ);
    longestMs = Math.max(longestMs, serviceOfJ);
    workMs += serviceOfJ / concurrency;
    const busyMs = Math.max(longestMs, workMs);
    const cost = (readyMs: number): number => {
      const doneMs = Math.max(endMs, readyMs + busyMs);
      const paidMs = loadMs + Math.max(0, Math.min(doneMs + unloadMs, untilMs) - readyMs);
      return waits(readyMs, cameBy(arrivedMs, readyMs, i, j)) + price * paidMs;
    };
    const enoughMs = at(arrivedMs, Math.min(last, j));
    least = Math.min(least, cost(Math.max(firstMs, Math.min(enoughMs, endMs - busyMs))) + at(away, j + 1));
    if (endMs + unloadMs > untilMs) least = Math.min(least, cost(enoughMs) + at(away, j + 1));
  }
  return least;
}

/** Visits of more: what ends before their last remembered jobs is forgotten, which can only make them cheaper. */
function leastOfLong(
  problem: VisitProblem,
  { price, i, last, waits, there }: VisitsFrom & { readonly there: Float64Array },
): number {
  const { loadMs, arrivedMs } = problem;
  const long = i + rememberedOf(problem) - 1;
  let least = Infinity;
  if (long >= arrivedMs.length) return least;
  if (last < long) {
    const readyMs = at(arrivedMs, last);
    return waits(readyMs, last + 1) + price * (loadMs + at(arrivedMs, long) - readyMs) + at(there, long);
  }
  for (let k = long; k <= last; k++)
    least = Math.min(least, waits(at(arrivedMs, k), k + 1) + price * loadMs + at(there, k));
  return least;
}

/** One past the last job from `first` to `last` that came by then. */
function cameBy(arrivedMs: Float64Array, ms: number, first: number, last: number): number {
  let [low, high] = [first, last + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(arrivedMs, middle) <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The same for a model that serves one job after another, all of one weight. A visit that serves the jobs from `i`
 * to `j` becomes ready when the jobs it delays weigh as much as the time it saves: as soon as so many of them, or
 * all, follow one another without a pause.
 */
export function visitsOfOneByOne(problem: VisitProblem, price: number): number {
  const { loadMs, unloadMs, untilMs, arrivedMs, serviceMs, weight } = problem;
  const count = arrivedMs.length;
  const perMs = at(weight, 0);
  const services = sumsOf(count, (index) => at(serviceMs, index));
  const arrivals = sumsOf(count, (index) => at(arrivedMs, index));
  const starts = sumsOf(count, (index) => at(services, index));
  const enough = Math.max(1, Math.ceil(price / perMs));
  const away = new Float64Array(count + 1);
  for (let i = count - 1; i >= 0; i--) {
    /** Weighted waits of the jobs from `i` to before `end` that follow one another from `readyMs` on. */
    const inARow = (readyMs: number, end: number): number => {
      const sumOfStarts = (end - i) * (readyMs - at(services, i)) + at(starts, end) - at(starts, i);
      return perMs * (sumOfStarts - (at(arrivals, end) - at(arrivals, i)));
    };
    let least = inARow(untilMs + loadMs, count);
    let readyMs = at(arrivedMs, i);
    let waits = 0;
    let freeMs = 0;
    for (let j = i; j < count; j++) {
      if (j - i < enough) {
        readyMs = Math.max(readyMs, at(arrivedMs, j) - (at(services, j) - at(services, i)));
        waits = inARow(readyMs, j + 1);
        freeMs = readyMs + at(services, j + 1) - at(services, i);
      } else {
        const startMs = Math.max(at(arrivedMs, j), freeMs);
        waits += perMs * (startMs - at(arrivedMs, j));
        freeMs = startMs + at(serviceMs, j);
      }
      const paidMs = loadMs + Math.max(0, Math.min(freeMs + unloadMs, untilMs) - readyMs);
      const cost = waits + price * paidMs + at(away, j + 1);
      if (cost < least) least = cost;
    }
    away[i] = least;
  }
  return at(away, 0);
}
