import { modelOf, type Scene } from './scene.ts';
import type { GpuPicture, ModelPicture, ResidentPicture } from './types.ts';

export type EvictionSet = readonly ResidentPicture[];

/** Every way to make room for a model on a GPU, none larger than it must be; [[]]: it has room already. */
export function evictionSets(scene: Scene, gpu: GpuPicture, model: ModelPicture): readonly EvictionSet[] {
  if (gpu.vram === 0) return gpu.residents.some(({ pinned }) => pinned) ? [] : [gpu.residents];
  if (model.vram > gpu.vram) return [];
  const used = vramOf(scene, gpu.residents);
  return minimalSets(scene, gpu.residents, used + model.vram - gpu.vram);
}

/** Subsets without a pinned resident that free `need` MB and of which no member could stay. */
function minimalSets(scene: Scene, residents: EvictionSet, need: number): readonly EvictionSet[] {
  if (need <= 0) return [[]];
  const useful = residents.filter((each) => !each.pinned && modelOf(scene, each).vram > 0);
  return subsets(useful).filter((set) => {
    const freed = vramOf(scene, set);
    return freed >= need && set.every((each) => freed - modelOf(scene, each).vram < need);
  });
}

/** Every subset but the empty one. */
function subsets(residents: EvictionSet): readonly EvictionSet[] {
  return Array.from({ length: 2 ** residents.length - 1 }, (_, mask) =>
    residents.filter((_resident, index) => ((mask + 1) >> index) & 1),
  );
}

const vramOf = (scene: Scene, residents: EvictionSet) =>
  residents.reduce((sum, each) => sum + modelOf(scene, each).vram, 0);
