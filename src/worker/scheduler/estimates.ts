import type { ModelId } from '../../contracts/ids.ts';
import type { ModelSpec } from '../../contracts/model.ts';
import { noArrivals, observe } from './arrival-rates.ts';
import { type Learned, parseSaved, type SavedEstimates } from './saved-estimates.ts';
import type { Triple } from './types.ts';

/** What a model comes from and goes to when it is swapped: a start of its server, or the sleep of one. */
export type Tier = 'cold' | 'asleep';

/** What is believed of a model before it ran: `registry.models` will do. */
export type Priors = Pick<
  ReadonlyMap<ModelId, Pick<ModelSpec, 'startupTimeMs' | 'serviceTimeMs'>>,
  'get' | 'has'
>;

export interface Estimate {
  readonly loadMs: number;
  readonly unloadMs: number;
  readonly serviceMs: number;
  /** Arrival rates in jobs per ms, over about 5 minutes and about an hour. */
  readonly lam: Triple;
  readonly lamSlow: Triple;
}

const nothingLearned: Learned = {
  ...{ loadMs: null, unloadMs: null, wakeMs: null, sleepMs: null, serviceMs: null },
  rates: noArrivals,
};

const unloadPriorMs = 3_000;
const sleepPriorMs = 1_500;
/** Of a cold start; between 1/15 and 1/10 for the engines that were measured. */
const wakeShare = 1 / 12;
const leastWakePriorMs = 1_000;
const swapWeight = 0.3;
const serviceWeight = 0.1;

/** Beyond these a measurement or a prior is a mistake, in ms. */
const clamps = {
  loadMs: { least: 100, most: 1_800_000 },
  unloadMs: { least: 0, most: 1_800_000 },
  wakeMs: { least: 50, most: 1_800_000 },
  sleepMs: { least: 0, most: 1_800_000 },
  serviceMs: { least: 50, most: 3_600_000 },
} as const;
type Time = keyof typeof clamps;

/** How long loads, unloads and jobs of each model take, and how often jobs come: learned, saved, forgotten slowly. */
export class Estimates {
  readonly #priors: Priors;
  readonly #learned = new Map<ModelId, Learned>();

  constructor(priors: Priors) {
    this.#priors = priors;
  }

  /** What `toJSON` gave, for the models that exist; whatever is unreadable in it is forgotten, never an error. */
  static parse(saved: unknown, priors: Priors): Estimates {
    const estimates = new Estimates(priors);
    for (const [model, learned] of parseSaved(saved))
      if (priors.has(model)) estimates.#learned.set(model, learned);
    return estimates;
  }

  loadTook(model: ModelId, ms: number, tier: Tier = 'cold'): void {
    this.#learn(model, tier === 'asleep' ? 'wakeMs' : 'loadMs', ms, swapWeight);
  }

  unloadTook(model: ModelId, ms: number, tier: Tier = 'cold'): void {
    this.#learn(model, tier === 'asleep' ? 'sleepMs' : 'unloadMs', ms, swapWeight);
  }

  jobTook(model: ModelId, ms: number): void {
    this.#learn(model, 'serviceMs', ms, serviceWeight);
  }

  /** `accepted`: jobs ever accepted per class. Call it regularly, also when nothing came: the rates decay. */
  observeArrivals(model: ModelId, accepted: Triple, nowMs: number): void {
    const learned = this.#of(model);
    this.#learned.set(model, { ...learned, rates: observe(learned.rates, accepted, nowMs) });
  }

  /** `tier`: where its next load comes from, and its next unload goes to. */
  of(model: ModelId, tier: Tier = 'cold'): Estimate {
    const { lam, lamSlow } = this.#of(model).rates;
    return {
      loadMs: this.#time(model, tier === 'asleep' ? 'wakeMs' : 'loadMs'),
      unloadMs: this.#time(model, tier === 'asleep' ? 'sleepMs' : 'unloadMs'),
      serviceMs: this.#time(model, 'serviceMs'),
      lam,
      lamSlow,
    };
  }

  toJSON(): SavedEstimates {
    return { version: 1, models: Object.fromEntries(this.#learned) };
  }

  #learn(model: ModelId, time: Time, ms: number, weight: number): void {
    if (!(ms >= 0 && ms < Infinity)) return;
    const before = this.#time(model, time);
    const after = before + weight * (clamp(time, ms) - before);
    this.#learned.set(model, { ...this.#of(model), [time]: after });
  }

  #time(model: ModelId, time: Time): number {
    return clamp(time, this.#of(model)[time] ?? this.#prior(model, time));
  }

  /** @throws Error for a model that the registry does not have: a mistake of the caller */
  #prior(model: ModelId, time: Time): number {
    const prior = this.#priors.get(model);
    if (prior === undefined) throw new Error(`No estimate: the registry has no model "${model}".`);
    const { startupTimeMs, serviceTimeMs } = prior;
    const byTime = {
      ...{ loadMs: startupTimeMs, unloadMs: unloadPriorMs, serviceMs: serviceTimeMs, sleepMs: sleepPriorMs },
      wakeMs: Math.max(leastWakePriorMs, startupTimeMs * wakeShare),
    };
    return byTime[time];
  }

  #of(model: ModelId): Learned {
    return this.#learned.get(model) ?? nothingLearned;
  }
}

const clamp = (time: Time, ms: number) => Math.min(clamps[time].most, Math.max(clamps[time].least, ms));
