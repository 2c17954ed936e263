import { painSuffered, waitingOf, workTime } from './pain.ts';
import { classes, copiesOf, type Scene } from './scene.ts';
import type { ClassIndex, ModelPicture } from './types.ts';

/** A model with waiting jobs that no copy will have absorbed by the time a new copy could be ready. */
export interface Demand {
  readonly model: ModelPicture;
  /** Part of its queue that is left for a new copy; 1 without copies. */
  readonly share: number;
}

/** A model with demand that asks for a place now. */
export interface Challenger extends Demand {
  /** Its most urgent waiting class. */
  readonly urgency: ClassIndex;
  readonly visit: Visit;
  /** Pain that its demand has suffered. */
  readonly suffered: number;
}

/** What a visit is for: the most urgent classes that together end the most pain per ms (Smith, Sidney). */
export interface Visit {
  /** Pain per ms that it ends. */
  readonly value: number;
  readonly workMs: number;
  /** Pain rate ended per ms of loading and work. */
  readonly index: number;
}

/** The models that ask for a place, in the order of the picture. */
export function demandIn(scene: Scene): readonly Demand[] {
  return [...scene.picture.models.values()]
    .map((model) => ({ model, share: shareOf(scene, model) }))
    .filter(({ share }) => share > 0);
}

function shareOf(scene: Scene, model: ModelPicture): number {
  const waiting = waitingOf(model);
  if (!waiting || model.blockedUntil > scene.now) return 0;
  const copies = copiesOf(scene, model.id);
  if (!copies) return 1;
  return Math.max(0, waiting - copies * model.conc * Math.ceil(model.load / model.svc)) / waiting;
}

/** When the model's burst counts as seen whole. */
export function settledAt({ params }: Scene, { n, oldest, load }: ModelPicture): number {
  const first = Math.min(...classes.filter((each) => n[each]).map((each) => oldest[each]));
  return first + Math.min(params.settle * load, params.settleCap);
}

/** The same with what decides whether it gets one. */
export function challengerOf(scene: Scene, { model, share }: Demand): Challenger {
  const urgency = model.n[0] ? 0 : model.n[1] ? 1 : 2;
  const suffered = painSuffered(scene, model) * share;
  return { model, share, urgency, suffered, visit: bestVisit(scene, model, share) };
}

function bestVisit({ worth }: Scene, model: ModelPicture, share: number): Visit {
  let best: Visit = { value: 0, workMs: 0, index: 0 };
  let value = 0;
  let jobs = 0;
  for (const each of classes) {
    if (!model.n[each]) continue;
    value += model.n[each] * worth[each] * share;
    jobs += model.n[each] * share;
    const workMs = workTime(model, jobs);
    const index = value / (model.load + workMs);
    if (index > best.index) best = { value, workMs, index };
  }
  return best;
}
