import type { Challenger, Demand } from './demand.ts';
import { swapTime, waitingOf, workTime } from './pain.ts';
import { classes, copiesOf, modelOf, type Scene } from './scene.ts';
import type { SwapTimes } from './swap-times.ts';
import type { ClassIndex, ModelPicture, Triple } from './types.ts';

/** A class whose oldest job would start after its bound even if the swap began now. */
export interface Overdue {
  readonly jobClass: ClassIndex;
  readonly waitedMs: number;
  readonly boundMs: number;
  /** So late that only the smallest quantum still protects a resident. */
  readonly long: boolean;
}

/** How long a job of each class may wait, ms: its `maxWait`, but never less than `phi` full rounds. */
export function waitBounds(scene: Scene, demand: readonly Demand[]): Triple {
  const { maxWait, phi } = scene.params;
  const round = phi * fullRound(scene, demand);
  return [Math.max(maxWait[0], round), Math.max(maxWait[1], round), Math.max(maxWait[2], round)];
}

/** Time to serve every waiting and every resident model once, each for at most its largest quantum. */
function fullRound(scene: Scene, demand: readonly Demand[]): number {
  const { gpus } = scene.picture;
  let total = 0;
  for (const { model } of demand) total += legTime(scene, model);
  for (const { residents } of gpus)
    for (const each of residents) total += legTime(scene, modelOf(scene, each)) / gpus.length;
  return total;
}

const legTime = ({ params }: Scene, model: ModelPicture): number =>
  swapTime(model) + Math.min(workTime(model, waitingOf(model)), params.kappa[2] * swapTime(model));

/** The starvation guard; null: no class is overdue, or another copy is at work, or the guard is off. */
export function overdueOf(
  scene: Scene,
  { model, urgency }: Challenger,
  bounds: Triple,
  { startMs, roundTripMs }: SwapTimes,
): Overdue | null {
  if (!scene.params.guard || copiesOf(scene, model.id)) return null;
  const late = classes
    .filter((each) => model.n[each])
    .map((each) => ({ each, lateMs: scene.now - (model.oldest[each] + bounds[each] - startMs) }))
    .filter(({ lateMs }) => lateMs >= 0);
  const worst = late.toSorted((a, b) => b.lateMs - a.lateMs)[0];
  if (worst === undefined) return null;
  return {
    jobClass: worst.each,
    waitedMs: scene.now - model.oldest[worst.each],
    boundMs: bounds[worst.each],
    long: worst.lateMs >= scene.params.kappa[urgency] * roundTripMs,
  };
}
