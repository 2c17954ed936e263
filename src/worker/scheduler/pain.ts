import type { Scene } from './scene.ts';
import type { ModelPicture, ResidentPicture, Triple } from './types.ts';

/** Waiting jobs of a model, all classes together. */
export const waitingOf = ({ n }: ModelPicture): number => n[0] + n[1] + n[2];

/** One number per class to one number in units of pain. */
export const weigh = ({ worth }: Scene, each: Triple): number =>
  each[0] * worth[0] + each[1] * worth[1] + each[2] * worth[2];

/** Pain per ms while the model's queue waits. */
export const painRate = (scene: Scene, { n }: ModelPicture): number => weigh(scene, n);

/** Pain that the queue has suffered until now. */
export const painSuffered = (scene: Scene, { n, sumEnq }: ModelPicture): number =>
  scene.now * weigh(scene, n) - weigh(scene, sumEnq);

/** Time to serve so many jobs in one visit, in ms. */
export const workTime = ({ svc, conc }: ModelPicture, jobs: number): number =>
  jobs <= 0 ? 0 : svc * Math.max(1, jobs / conc);

/** Share of its time that a model's arrivals keep it busy. */
export const utilisation = ({ lam, svc, conc }: ModelPicture): number =>
  Math.min(0.9, ((lam[0] + lam[1] + lam[2]) * svc) / conc);

/** Time that one load and one unload of the model cost, in ms. */
export const swapTime = ({ load: loading, unload }: ModelPicture): number => loading + unload;

/** Expected time until a resident's running work is done, in ms. */
export const drainTime = (
  now: number,
  { svc }: ModelPicture,
  { inflight, youngestStart }: ResidentPicture,
): number => (inflight ? Math.max(0.25 * svc, svc - (now - youngestStart)) : 0);

/** Pain of the model's queue and of its expected arrivals when it is away for so long. */
export const painOfAbsence = (scene: Scene, model: ModelPicture, awayMs: number): number =>
  painRate(scene, model) * awayMs + (weigh(scene, model.lam) * awayMs * awayMs) / 2;
