import type { ModelId } from '../../contracts/ids.ts';
import type { SchedulerParams } from '../../contracts/scheduler-params.ts';
import type { ClassIndex, ModelPicture, Picture, ResidentPicture, Triple } from './types.ts';

/** One question to the policy, with what all its parts look up. */
export interface Scene {
  readonly now: number;
  readonly params: SchedulerParams;
  readonly picture: Picture;
  /** Pain per ms of one waiting job of each class. */
  readonly worth: Triple;
  /** Ready and loading copies of each model; draining ones are gone already. */
  readonly copies: ReadonlyMap<ModelId, number>;
}

export const classes: readonly ClassIndex[] = [0, 1, 2];

/** Looks up once what all rules ask for. */
export function sceneOf(now: number, picture: Picture, params: SchedulerParams): Scene {
  const [interactive, normal, batch] = params.target;
  return {
    now,
    params,
    picture,
    worth: [1 / interactive, 1 / normal, 1 / batch],
    copies: copiesIn(picture),
  };
}

function copiesIn({ gpus }: Picture): ReadonlyMap<ModelId, number> {
  const copies = new Map<ModelId, number>();
  for (const { residents } of gpus)
    for (const { id, state } of residents)
      if (state !== 'draining') copies.set(id, (copies.get(id) ?? 0) + 1);
  return copies;
}

export const copiesOf = (scene: Scene, id: ModelId): number => scene.copies.get(id) ?? 0;

/** @throws Error when a resident is of a model that the picture does not show: the picture is wrong */
export function modelOf(scene: Scene, { id }: Pick<ResidentPicture, 'id'>): ModelPicture {
  const model = scene.picture.models.get(id);
  if (model === undefined)
    throw new Error(`The scheduler's picture shows "${id}" on a GPU but not as a model.`);
  return model;
}
