import type { Gpu, House, Resident } from '../house.ts';
import type { Lane } from '../lane.ts';
import { firstIn, firstOfAll, isOnTurntable } from './arrival-order.ts';
import type { Answer, Policy } from './policy.ts';
import { withTheNextEvent } from './policy.ts';

/** Where several fit: the model of the first job that has none, in place of those unused for longest that are idle. */
export const lru = (): Policy => ({
  next: (_house, lane) => firstIn(lane)?.class ?? null,
  decide(house) {
    const first = firstOfAll(house, (lane) => !isOnTurntable(house, lane));
    if (first === undefined) return withTheNextEvent;
    return leastRecentlyUsed(house, house.lane(first.model), 'idle') ?? withTheNextEvent;
  },
});

/** A place for a model by evicting what was unused for longest; null: only busy ones are left. */
export function leastRecentlyUsed(house: House, { model, spec }: Lane, whom: 'idle' | 'any'): Answer | null {
  let best: { gpu: Gpu; evict: readonly Resident[]; lastStartMs: number } | null = null;
  for (const gpu of house.gpus) {
    if (gpu.swap !== null) continue;
    const mayGo = [...gpu.residents.values()].filter((each) => whom === 'any' || isIdle(each));
    const evict = victims(house, gpu, mayGo, spec.vram);
    const lastStartMs = Math.max(-1, ...(evict ?? []).map((each) => each.lastStartMs));
    if (evict !== null && (best === null || lastStartMs < best.lastStartMs))
      best = { gpu, evict, lastStartMs };
  }
  if (best === null) return null;
  const evict = best.evict.map(({ lane }) => lane.model);
  return { gpu: best.gpu.index, load: model, evict, reason: 'first-come', why: 'its job came first' };
}

const isIdle = ({ lane, starts }: Resident) => lane.length === 0 && starts.length === 0;

function victims(house: House, gpu: Gpu, mayGo: readonly Resident[], vram: number): Resident[] | null {
  if (house.vram === 0) return mayGo.length === gpu.residents.size ? [...mayGo] : null;
  let need = house.used(gpu) + vram - house.vram;
  const evict: Resident[] = [];
  for (const each of mayGo.toSorted((a, b) => a.lastStartMs - b.lastStartMs)) {
    if (need <= 0) break;
    evict.push(each);
    need -= each.lane.spec.vram;
  }
  return need <= 0 ? evict : null;
}
