import type { Demand } from './demand.ts';
import type { EvictionSet } from './eviction-sets.ts';
import { drainTime, swapTime } from './pain.ts';
import { modelOf, type Scene } from './scene.ts';
import type { GpuPicture, ModelPicture } from './types.ts';

export interface SwapTimes {
  /** Until the model can start: drain, unload, load. */
  readonly startMs: number;
  /** Worst round trip between the victims and whatever waits for this GPU: the unit of the quantum. */
  readonly roundTripMs: number;
}

/** The longest swap time of a model that waits and is not on this GPU; one for all challengers, so none overtakes. */
export function longestWaitingSwap(demand: readonly Demand[], { residents }: GpuPicture): number {
  const absent = demand.filter(({ model }) => residents.every(({ id }) => id !== model.id));
  return Math.max(0, ...absent.map(({ model }) => swapTime(model)));
}

/** @param waitingSwapMs of `longestWaitingSwap` */
export function swapTimes(
  scene: Scene,
  model: ModelPicture,
  victims: EvictionSet,
  waitingSwapMs: number,
): SwapTimes {
  let drainMs = 0;
  let unloadMs = 0;
  let roundTripMs = waitingSwapMs;
  for (const each of victims) {
    const victim = modelOf(scene, each);
    drainMs = Math.max(drainMs, drainTime(scene.now, victim, each));
    unloadMs += victim.unload;
    roundTripMs += swapTime(victim);
  }
  return { startMs: drainMs + unloadMs + model.load, roundTripMs };
}
