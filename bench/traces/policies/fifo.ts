import { firstIn, firstOfAll, isOnTurntable } from './arrival-order.ts';
import { leastRecentlyUsed } from './lru.ts';
import type { Policy } from './policy.ts';
import { withTheNextEvent } from './policy.ts';

/** Strictly in the order of arrival: nothing starts before the job that came first. */
export const fifo = (): Policy => ({
  next(house, lane) {
    const first = firstIn(lane);
    return first !== undefined && firstOfAll(house) === first ? first.class : null;
  },
  decide(house) {
    const first = firstOfAll(house);
    if (first === undefined || isOnTurntable(house, house.lane(first.model))) return withTheNextEvent;
    return leastRecentlyUsed(house, house.lane(first.model), 'any') ?? withTheNextEvent;
  },
});
