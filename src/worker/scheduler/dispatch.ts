import type { LaneCounts } from '../ports.ts';
import { classes } from './scene.ts';
import type { ClassIndex, Triple } from './types.ts';

/**
 * Which class of a model starts next: the one whose oldest job has the earliest enqueue time plus target wait, so
 * that interactive jobs overtake and nothing starves inside a model. null: nothing may start.
 */
export function nextClass({ waiting, oldest, paused }: LaneCounts, targets: Triple): ClassIndex | null {
  if (paused) return null;
  const due = (each: ClassIndex) => oldest[each] + targets[each];
  let next: ClassIndex | null = null;
  for (const each of classes) {
    if (waiting[each] > 0 && (next === null || due(each) < due(next))) next = each;
  }
  return next;
}

/** Classes of the jobs to claim next, one for each slot, taken off what waits. */
export function takeClasses(
  lane: LaneCounts,
  waiting: [number, number, number],
  targets: Triple,
  slots: number,
): readonly ClassIndex[] {
  const classes: ClassIndex[] = [];
  while (classes.length < slots) {
    const next = nextClass({ ...lane, waiting }, targets);
    if (next === null) break;
    waiting[next] -= 1;
    classes.push(next);
  }
  return classes;
}
