import type { Triple } from './types.ts';

const fastTauMs = 300_000;
const slowTauMs = 3_600_000;

/** Arrival rates of one model in jobs per ms, and the counters they were read from. */
export interface ArrivalRates {
  readonly lam: Triple;
  readonly lamSlow: Triple;
  /** Jobs ever accepted when last observed; null: never observed. */
  readonly accepted: Triple | null;
  readonly atMs: number;
}

export const noArrivals: ArrivalRates = { lam: [0, 0, 0], lamSlow: [0, 0, 0], accepted: null, atMs: 0 };

/** The rates after another look at the counters. A first look, and counters that began anew, count nothing. */
export function observe(rates: ArrivalRates, accepted: Triple, nowMs: number): ArrivalRates {
  const passedMs = rates.accepted === null ? 0 : Math.max(0, nowMs - rates.atMs);
  const arrived = arrivedSince(rates.accepted ?? accepted, accepted);
  return {
    lam: decayed(rates.lam, arrived, passedMs, fastTauMs),
    lamSlow: decayed(rates.lamSlow, arrived, passedMs, slowTauMs),
    accepted,
    atMs: nowMs,
  };
}

const arrivedSince = (before: Triple, now: Triple): Triple =>
  perClass((each) => Math.max(0, now[each] - before[each]));

/** `r e^(-t/tau)` plus the arrivals, spread evenly over the time that passed: `1/tau` each when none did. */
function decayed(rates: Triple, arrived: Triple, passedMs: number, tauMs: number): Triple {
  const kept = Math.exp(-passedMs / tauMs);
  const perArrival = passedMs > 0 ? (1 - kept) / passedMs : 1 / tauMs;
  return perClass((each) => rates[each] * kept + arrived[each] * perArrival);
}

const perClass = (of: (each: 0 | 1 | 2) => number): Triple => [of(0), of(1), of(2)];
