import type { Challenger } from './demand.ts';
import type { EvictionSet } from './eviction-sets.ts';
import { painOfAbsence, painRate, utilisation, waitingOf, weigh, workTime } from './pain.ts';
import { modelOf, type Scene } from './scene.ts';
import type { SwapTimes } from './swap-times.ts';
import type { ModelPicture } from './types.ts';

/** Both sides of the bargain: what the challenger has paid in waiting, and what the swap inflicts. */
export interface Rent {
  readonly paid: number;
  readonly inflicted: number;
  readonly isEnough: boolean;
}

/** The quantum: has every victim with a backlog worked for `quanta` round trips? */
export function quantaOver(
  scene: Scene,
  victims: EvictionSet,
  quanta: number,
  { roundTripMs }: SwapTimes,
): boolean {
  return victims.every(
    (each) => !waitingOf(modelOf(scene, each)) || scene.now - each.readyAt >= quanta * roundTripMs,
  );
}

/** The rent rule: the waiting already suffered reaches the share `beta` of the waiting that the swap inflicts. */
export function rentOf(scene: Scene, challenger: Challenger, victims: EvictionSet, times: SwapTimes): Rent {
  const { model, visit, suffered } = challenger;
  let inflicted = 0;
  let arrivals = 0;
  for (const each of victims) {
    const victim = modelOf(scene, each);
    inflicted += painOfAbsence(scene, victim, awayTime(model, victim, times));
    arrivals += weigh(scene, victim.lam);
  }
  const paid = suffered + (arrivals * visit.workMs * visit.workMs) / 2;
  const isEnough =
    isWorthInterrupting(scene, challenger, victims, times) && paid >= scene.params.beta * inflicted;
  return { paid, inflicted, isEnough };
}

/** A further copy must earn its whole visit, not just the swap: the other copies would serve the queue too. */
export function replicaRentOf(
  scene: Scene,
  challenger: Challenger,
  victims: EvictionSet,
  times: SwapTimes,
  copies: number,
): Rent {
  const { model, visit } = challenger;
  const stayMs = scene.params.kappa[0] * (times.startMs + model.unload);
  let inflicted = 0;
  for (const each of victims) {
    const victim = modelOf(scene, each);
    inflicted += painOfAbsence(scene, victim, awayTime(model, victim, times) + stayMs);
  }
  const paid = (visit.value * Math.min(stayMs, visit.workMs)) / (copies + 1);
  const isEnough =
    isWorthInterrupting(scene, challenger, victims, times) &&
    paid >= inflicted &&
    visit.workMs / (copies + 1) > times.startMs;
  return { paid, inflicted, isEnough };
}

/** False when finishing a victim's backlog first is cheaper (the exchange of two neighbours). */
function isWorthInterrupting(
  scene: Scene,
  { model, visit }: Challenger,
  victims: EvictionSet,
  times: SwapTimes,
): boolean {
  return victims.every((each) => {
    const victim = modelOf(scene, each);
    const waiting = waitingOf(victim);
    const finishMs = workTime(victim, waiting);
    const awayMs = awayTime(model, victim, times) + visit.workMs;
    return (
      !waiting || (visit.value * finishMs) / (1 - utilisation(victim)) > painRate(scene, victim) * awayMs
    );
  });
}

/** How long a victim is away because of swapping alone, ms. */
const awayTime = (model: ModelPicture, victim: ModelPicture, { startMs }: SwapTimes): number =>
  startMs + model.unload + victim.load;
