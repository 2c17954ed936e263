import { type Challenger, challengerOf, type Demand, settledAt } from './demand.ts';
import { type EvictionSet, evictionSets } from './eviction-sets.ts';
import { type Overdue, overdueOf, waitBounds } from './guard.ts';
import { quantaOver, type Rent, rentOf, replicaRentOf } from './rent.ts';
import { copiesOf, type Scene } from './scene.ts';
import { longestWaitingSwap, type SwapTimes, swapTimes } from './swap-times.ts';
import type { GpuPicture, ModelPicture, Triple } from './types.ts';

/** A swap that is allowed, and overdue or paid for. */
export interface Proposal {
  readonly gpu: number;
  readonly model: ModelPicture;
  readonly victims: EvictionSet;
  readonly rent: Rent;
  readonly startMs: number;
  readonly overdue: Overdue | null;
  /** Pain it inflicts: the least decides where a model goes. */
  readonly damage: number;
  /** The greatest decides which model goes. */
  readonly priority: number;
}

/** The best swap for what waits, and when the next burst will have settled (Infinity: none is settling). */
export function bestProposal(
  scene: Scene,
  demand: readonly Demand[],
): { best: Proposal | null; wakeAt: number } {
  const rivals: Rivals = {
    bounds: waitBounds(scene, demand),
    swapMs: scene.picture.gpus.map((gpu) => longestWaitingSwap(demand, gpu)),
  };
  let best: Proposal | null = null;
  let wakeAt = Infinity;
  for (const each of demand) {
    const settled = settledAt(scene, each.model);
    if (scene.now < settled) {
      wakeAt = Math.min(wakeAt, settled);
      continue;
    }
    const proposal = leastDamage(proposalsFor(scene, challengerOf(scene, each), rivals));
    if (proposal && (best === null || proposal.priority > best.priority)) best = proposal;
  }
  return { best, wakeAt };
}

/** What all demand together says, the same for each challenger. */
interface Rivals {
  readonly bounds: Triple;
  /** By GPU: the longest swap time of what waits for it. */
  readonly swapMs: readonly number[];
}

function leastDamage(proposals: readonly Proposal[]): Proposal | null {
  let least: Proposal | null = null;
  for (const each of proposals) if (least === null || each.damage < least.damage) least = each;
  return least;
}

function proposalsFor(scene: Scene, challenger: Challenger, { bounds, swapMs }: Rivals): readonly Proposal[] {
  return scene.picture.gpus.flatMap((gpu, index) => {
    if (!mayTake(gpu, challenger.model)) return [];
    return evictionSets(scene, gpu, challenger.model)
      .map((victims): Place => {
        const times = swapTimes(scene, challenger.model, victims, swapMs[index] ?? 0);
        return { gpu: index, isGpuEmpty: gpu.residents.length === 0, victims, times };
      })
      .map((place) => proposalOf(scene, challenger, place, bounds))
      .filter((proposal) => proposal !== null);
  });
}

/** Where a challenger could go, at whose cost, and how long it takes. */
interface Place {
  readonly gpu: number;
  readonly isGpuEmpty: boolean;
  readonly victims: EvictionSet;
  readonly times: SwapTimes;
}

const mayTake = ({ swapping, residents }: GpuPicture, model: ModelPicture): boolean =>
  !swapping && residents.every(({ id, state }) => id !== model.id && state === 'ready');

function proposalOf(
  scene: Scene,
  challenger: Challenger,
  { gpu, isGpuEmpty, victims, times }: Place,
  bounds: Triple,
): Proposal | null {
  const { model, urgency } = challenger;
  const overdue = overdueOf(scene, challenger, bounds, times);
  const quanta = scene.params.kappa[overdue?.long ? 0 : urgency];
  if (!quantaOver(scene, victims, quanta, times)) return null;
  const swap = rentOf(scene, challenger, victims, times);
  const copies = copiesOf(scene, model.id);
  const rent = copies ? replicaRentOf(scene, challenger, victims, times, copies) : swap;
  if (overdue === null && !rent.isEnough) return null;
  const priority = priorityOf(challenger, times, overdue !== null, isGpuEmpty);
  return { gpu, model, victims, rent, overdue, priority, damage: swap.inflicted, startMs: times.startMs };
}

/**
 * Overdue before paid, and among overdue the one whose last visit is longest ago, which bounds every wait.
 * Otherwise the most pain suffered per ms that it takes; on an empty GPU the best visit.
 */
function priorityOf(
  { model, suffered, visit }: Challenger,
  { startMs }: SwapTimes,
  isOverdue: boolean,
  isGpuEmpty: boolean,
): number {
  if (isOverdue) return 1e6 - model.lastVisit / 1e9;
  return isGpuEmpty ? visit.index : suffered / (startMs + visit.workMs);
}
