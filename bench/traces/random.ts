/** A stream of numbers in [0, 1). */
export type Random = () => number;

/** The part `index` of what a seed determines (mulberry32); parts are independent of one another. */
export function randomStream(seed: number, index: number): Random {
  let state = (Math.imul(seed | 0, 0x9e3779b1) + Math.imul((index | 0) + 1, 0x85ebca77)) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export const exponential = (random: Random, mean: number): number => -mean * Math.log(1 - random());

/** `cv`: standard deviation divided by the mean. */
export function logNormal(random: Random, mean: number, cv: number): number {
  const variance = Math.log(1 + cv * cv);
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.exp(Math.log(mean) - variance / 2 + Math.sqrt(variance) * normal);
}
