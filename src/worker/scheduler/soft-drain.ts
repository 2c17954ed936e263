import type { EvictionSet } from './eviction-sets.ts';
import { waitingOf } from './pain.ts';
import { modelOf, type Scene } from './scene.ts';

/**
 * Victims without a queue but with work in flight go on admitting for a short window, in the hope of a natural gap.
 * The window of each opens with its `softSince`.
 */
export function isInSoftDrain(scene: Scene, victims: EvictionSet): boolean {
  const { soft, softCap } = scene.params;
  if (victims.some((each) => waitingOf(modelOf(scene, each)) > 0)) return false;
  return victims.some((each) => {
    const openForMs = scene.now - (each.softSince ?? scene.now);
    return each.inflight > 0 && openForMs < Math.min(soft * modelOf(scene, each).svc, softCap);
  });
}
