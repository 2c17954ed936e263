import type { ControlMessage } from '../contracts/control.ts';
import type { ModelId } from '../contracts/ids.ts';
import type { ModelSpec } from '../contracts/model.ts';
import type { ResidentPicture } from './scheduler/types.ts';
import type { SwapPlan } from './swapper.ts';

export type Wish = Extract<ControlMessage, { type: 'load' | 'unload' }>;

export interface WishFacts {
  readonly residents: readonly ResidentPicture[];
  /** It is off the turntable, and its process is kept in host memory. */
  readonly isAsleep: (model: ModelId) => boolean;
  readonly specs: ReadonlyMap<ModelId, ModelSpec>;
  /** 0: one resident at a time. */
  readonly vramMb: number;
}

/** What an operator's wish comes to; null when it is fulfilled already or cannot be. */
export function planWish(wish: Wish, facts: WishFacts): SwapPlan | null {
  const isResident = facts.residents.some(({ id }) => id === wish.model);
  const asked = { reason: 'operator', why: 'an operator asked for it' };
  if (wish.type === 'unload') {
    const isThere = isResident || facts.isAsleep(wish.model);
    return isThere ? { load: null, evict: [wish.model], ...asked } : null;
  }
  if (isResident || !facts.specs.has(wish.model)) return null;
  const evict = victims(wish.model, facts);
  return evict === null ? null : { load: wish.model, evict, ...asked };
}

/** The longest idle go first, until the wanted one fits; null: what is pinned leaves no room. */
function victims(model: ModelId, { residents, specs, vramMb }: WishFacts): readonly ModelId[] | null {
  const movable = residents.filter(({ pinned }) => !pinned).sort((a, b) => a.lastStart - b.lastStart);
  if (vramMb === 0) return movable.length < residents.length ? null : movable.map(({ id }) => id);
  const sizeOf = (id: ModelId) => specs.get(id)?.vramMb ?? 0;
  let shortMb = residents.reduce((sum, { id }) => sum + sizeOf(id), sizeOf(model)) - vramMb;
  const evict: ModelId[] = [];
  for (const { id } of movable) {
    if (shortMb <= 0) break;
    evict.push(id);
    shortMb -= sizeOf(id);
  }
  return shortMb > 0 ? null : evict;
}
