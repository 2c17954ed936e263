import type { ClassIndex } from '../../src/worker/scheduler/types.ts';
import { catalogue } from './catalogue.ts';
import { exponential, logNormal, type Random, randomStream } from './random.ts';

/** A job as the scenarios draw it; `model` is its place in the catalogue. */
export interface DrawnJob {
  readonly tMs: number;
  readonly model: number;
  readonly class: ClassIndex;
  readonly serviceMs: number;
  readonly key?: string;
}

const [interactive, normal, batch] = [0, 1, 2] as const;
const [textA, textB, flux, musicgen, sdxl, whisper, tts, video] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const hourMs = 3_600_000;

/** Model, class, mean gap in s: arrivals by chance. The place in the list is the number of the random stream. */
type Flow = readonly [model: number, jobClass: ClassIndex, gapS: number];

const flows = {
  mixed3: [
    [textA, interactive, 30],
    [textA, normal, 60],
    [flux, normal, 60],
    [musicgen, normal, 150],
  ],
  zipf8: [
    [textA, interactive, 6],
    [textB, normal, 60],
    [flux, normal, 90],
    [sdxl, normal, 120],
    [whisper, normal, 200],
    [tts, interactive, 300],
    [musicgen, normal, 600],
    [video, batch, 3600],
  ],
  starver: [
    [textA, interactive, 0.7],
    [flux, normal, 150],
  ],
} satisfies Record<string, readonly Flow[]>;

/** Three kinds of work at a medium load. */
export const mixed3 = (seed: number) => inOrder(arrivals(seed, 1, flows.mixed3, 4 * hourMs));

/** One hot chat model and seven that are asked for now and then. */
export const zipf8 = (seed: number) => inOrder(arrivals(seed, 1, flows.zipf8, 4 * hourMs));

/** A chat so hot that its work never ends, and an image now and then. */
export const starver = (seed: number) => inOrder(arrivals(seed, 1, flows.starver, 2 * hourMs));

/** Two models in strict turns, a job every 20 s: the worst for who swaps at each. */
export function abab(seed: number): readonly DrawnJob[] {
  const random = randomStream(seed, 1);
  return Array.from({ length: 360 }, (_, index) => {
    const model = index % 2 ? flux : textA;
    return { tMs: index * 20_000, model, class: normal, serviceMs: serviceOf(random, model) };
  });
}

/** 600 images as a batch at once, under a chat. */
export function flood(seed: number): readonly DrawnJob[] {
  const random = randomStream(seed, 1);
  const images = Array.from({ length: 600 }, () => imageAt(0, batch, serviceOf(random, flux)));
  const others: readonly Flow[] = [
    [textA, interactive, 45],
    [musicgen, normal, 300],
  ];
  return inOrder([...images, ...arrivals(seed, 2, others, 3 * hourMs)]);
}

/** `mixed3` of two keys, and a third that drops 300 images after an hour. */
export function noisy(seed: number): readonly DrawnJob[] {
  const random = randomStream(seed, 77);
  const quiet = mixed3(seed).map((job) => ({ ...job, key: random() < 0.6 ? 'a' : 'b' }));
  const dropped = Array.from({ length: 300 }, () => {
    const serviceMs = Math.max(50, Math.round(12_000 * (0.8 + 0.4 * random())));
    return { ...imageAt(hourMs, normal, serviceMs), key: 'z' };
  });
  return [...quiet, ...dropped].sort((a, b) => a.tMs - b.tMs);
}

const imageAt = (tMs: number, jobClass: ClassIndex, serviceMs: number): DrawnJob => ({
  tMs,
  model: flux,
  class: jobClass,
  serviceMs,
});

function arrivals(seed: number, firstStream: number, of: readonly Flow[], endMs: number): DrawnJob[] {
  return of.flatMap(([model, jobClass, gapS], index) => {
    const random = randomStream(seed, firstStream + index);
    const jobs: DrawnJob[] = [];
    for (let tMs = exponential(random, gapS * 1000); tMs < endMs; tMs += exponential(random, gapS * 1000))
      jobs.push({ tMs: Math.round(tMs), model, class: jobClass, serviceMs: serviceOf(random, model) });
    return jobs;
  });
}

function serviceOf(random: Random, index: number): number {
  const model = catalogue[index];
  if (model === undefined) throw new RangeError(`The catalogue has no model ${index}.`);
  return Math.max(50, Math.round(logNormal(random, model.serviceMs, model.cv)));
}

/** By time, then by place in the catalogue; what is equal stays as it was drawn. */
const inOrder = (jobs: readonly DrawnJob[]): readonly DrawnJob[] =>
  jobs.toSorted((a, b) => a.tMs - b.tMs || a.model - b.model);

/** FNV-1a over the numbers of every job: a trace is the published one when this is. */
export function checksum(jobs: readonly DrawnJob[]): string {
  let hash = 0x811c9dc5;
  for (const { tMs, model, class: jobClass, serviceMs } of jobs)
    for (const value of [tMs, model, jobClass, serviceMs])
      for (let shift = 0; shift < 32; shift += 8)
        hash = Math.imul(hash ^ ((value >>> shift) & 255), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
