import type { ClassIndex } from '../../../src/worker/scheduler/types.ts';
import type { House } from '../house.ts';
import type { Lane, SimulatedJob } from '../lane.ts';

const classes: readonly ClassIndex[] = [0, 1, 2];

/** The job of a lane that entered first. */
export function firstIn(lane: Lane): SimulatedJob | undefined {
  let first: SimulatedJob | undefined;
  for (const each of classes) {
    const head = lane.head(each);
    if (head !== undefined && (first === undefined || head.order < first.order)) first = head;
  }
  return first;
}

/** The job of the whole house that entered first, among the lanes that `counts`. */
export function firstOfAll(house: House, counts: (lane: Lane) => boolean = () => true) {
  let first: SimulatedJob | undefined;
  for (const lane of house.lanes.values()) {
    if (lane.length === 0 || !counts(lane)) continue;
    const head = firstIn(lane);
    if (head !== undefined && (first === undefined || head.order < first.order)) first = head;
  }
  return first;
}

export const isOnTurntable = ({ gpus }: House, { model }: Lane): boolean =>
  gpus.some(({ residents, swap }) => residents.has(model) || swap?.load === model);
