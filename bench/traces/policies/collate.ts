import { firstIn, firstOfAll } from './arrival-order.ts';
import type { Policy } from './policy.ts';
import { withTheNextEvent } from './policy.ts';

/**
 * What llama-swap does from version 218 on, with one resident: its requests always run, it leaves when none waits or
 * runs, and next comes the model of the request that came first.
 */
export const collate = (): Policy => ({
  next: (_house, lane) => firstIn(lane)?.class ?? null,
  decide(house) {
    const gpu = house.gpus.find(({ swap }) => swap === null);
    const first = firstOfAll(house);
    if (gpu === undefined || first === undefined || gpu.residents.has(first.model)) return withTheNextEvent;
    for (const { lane, starts } of gpu.residents.values())
      if (lane.length > 0 || starts.length > 0) return withTheNextEvent;
    const evict = [...gpu.residents.keys()];
    return { gpu: gpu.index, load: first.model, evict, reason: 'collate', why: 'nothing is left to do' };
  },
});
