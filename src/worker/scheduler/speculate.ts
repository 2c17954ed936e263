import { type EvictionSet, evictionSets } from './eviction-sets.ts';
import { waitingOf, weigh } from './pain.ts';
import { copiesOf, modelOf, type Scene } from './scene.ts';
import type { GpuPicture, ModelPicture } from './types.ts';

/** A load on suspicion: being resident saves the next arrival of the model its load time. */
export interface Speculation {
  readonly gpu: number;
  readonly model: ModelPicture;
  readonly victims: EvictionSet;
  readonly gain: number;
  readonly loss: number;
}

/** What the first idle GPU should hold in case it is wanted next. Ask only while nothing waits anywhere. */
export function speculationFor(scene: Scene): Speculation | null {
  if (!scene.params.spec) return null;
  for (const [index, gpu] of scene.picture.gpus.entries()) {
    const best = isIdle(scene, gpu) ? bestGuess(scene, gpu, index) : null;
    if (best !== null) return best;
  }
  return null;
}

/** Idle for `specIdle`: a resident counts as busy until a typical job after its last start is over. */
function isIdle(scene: Scene, { swapping, residents }: GpuPicture): boolean {
  if (swapping) return false;
  return residents.every((each) => {
    const model = modelOf(scene, each);
    const idleSince = Math.max(each.readyAt, each.lastStart + model.svc);
    const isBusy = each.state !== 'ready' || each.inflight > 0 || waitingOf(model) > 0;
    return !isBusy && scene.now - idleSince >= scene.params.specIdle;
  });
}

function bestGuess(scene: Scene, gpu: GpuPicture, index: number): Speculation | null {
  let best: Speculation | null = null;
  for (const model of scene.picture.models.values()) {
    const gain = valueOfBeingThere(scene, model);
    if (gain <= 0 || copiesOf(scene, model.id) || model.blockedUntil > scene.now) continue;
    for (const victims of evictionSets(scene, gpu, model)) {
      let loss = 0;
      for (const each of victims) loss += valueOfBeingThere(scene, modelOf(scene, each));
      if (gain <= scene.params.specMargin * loss) continue;
      if (best === null || gain - loss > best.gain - best.loss)
        best = { gpu: index, model, victims, gain, loss };
    }
  }
  return best;
}

/** Expected pain per ms that residency spares: arrivals by their worth, times the load that each would wait for. */
const valueOfBeingThere = (scene: Scene, model: ModelPicture): number =>
  weigh(scene, model.lamSlow) * model.load;
