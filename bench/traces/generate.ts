import { asModelId } from '../../src/contracts/ids.ts';
import { asleep, catalogue } from './catalogue.ts';
import { abab, type DrawnJob, flood, mixed3, noisy, starver, zipf8 } from './scenarios.ts';
import type { Trace } from './trace.ts';

const scenarios: Readonly<Record<string, (seed: number) => readonly DrawnJob[]>> = {
  mixed3,
  zipf8,
  abab,
  flood,
  starver,
  noisy,
};

/** Endings of a trace's name: another house for the same jobs. */
const houses: readonly (readonly [ending: string, house: { vram?: number; gpus?: number; sleeps?: true }])[] =
  [
    ['-s', { sleeps: true }],
    ['-48gb', { vram: 48 }],
    ['-80gb', { vram: 80 }],
    ['-2gpu', { gpus: 2 }],
  ];

/** What is run when nothing else is asked for. */
export const openTraces: readonly string[] = [
  ...['mixed3', 'zipf8', 'abab', 'flood', 'starver'],
  ...['mixed3-s', 'zipf8-s', 'abab-s', 'flood-s', 'starver-s'],
  ...['noisy', 'mixed3-48gb', 'zipf8-80gb', 'zipf8-2gpu'],
];

/**
 * An open trace by its name, such as `mixed3` or, where weights stay in memory, `mixed3-s`.
 * @throws RangeError for a name that there is not
 */
export function openTrace(name: string, seed: number): Trace {
  const [ending, house] = houses.find(([each]) => name.endsWith(each)) ?? ['', {}];
  const scenario = scenarios[name.slice(0, name.length - ending.length)];
  if (scenario === undefined)
    throw new RangeError(`There is no trace "${name}": choose of ${openTraces.join(', ')}.`);
  const models = house.sleeps ? catalogue.map(asleep) : catalogue;
  const idOf = (index: number) => models[index]?.id ?? asModelId('');
  const jobs = scenario(seed).map((job) => ({ ...job, model: idOf(job.model), key: job.key ?? null }));
  return { name, gpus: house.gpus ?? 1, vram: house.vram ?? 0, models, jobs };
}
