import { exponential, logNormal, type Random, randomStream } from '../../../bench/traces/random.ts';
import type { Trace, TraceJob, TraceModel } from '../../../bench/traces/trace.ts';
import { asModelId } from '../../../src/contracts/ids.ts';
import type { ClassIndex } from '../../../src/worker/scheduler/types.ts';

const hoursMs = 3_600_000;

/** Two to seven models, cold or asleep, from nearly idle to far too much to do; often with a hot one, or a dump. */
export function randomHouse(seed: number): Trace {
  const random = randomStream(seed, 0);
  const isAsleep = random() < 0.4;
  const models = Array.from({ length: 2 + whole(random, 6) }, (_, index) =>
    modelOf(random, `model-${index}`, isAsleep),
  );
  const offered = 0.2 + 1.6 * random();
  const hot = random() < 0.4 ? whole(random, models.length) : -1;
  const jobs = models.flatMap((model, index) => {
    const load = index === hot ? 1.2 : (offered * 2 * random()) / models.length;
    return [...arrivals(random, model, load), ...(random() < 0.15 ? dump(random, model) : [])];
  });
  const trace = { name: `house ${seed}`, gpus: 1, vram: 0, models };
  return { ...trace, jobs: jobs.toSorted((a, b) => a.tMs - b.tMs) };
}

function modelOf(random: Random, id: string, isAsleep: boolean): TraceModel {
  const scale = isAsleep ? 50 : 1000;
  return {
    id: asModelId(id),
    loadMs: scale * (20 + whole(random, 90)),
    unloadMs: scale * (1 + whole(random, 4)),
    vram: 0,
    concurrency: [1, 1, 2, 8, 32][whole(random, 5)] ?? 1,
    serviceMs: 1000 * (2 + whole(random, 30)),
  };
}

function arrivals(random: Random, { id, serviceMs, concurrency }: TraceModel, load: number): TraceJob[] {
  const gapMs = Math.max(8_000, serviceMs / concurrency / load);
  const jobs: TraceJob[] = [];
  for (let tMs = exponential(random, gapMs); tMs < hoursMs; tMs += exponential(random, gapMs))
    jobs.push(jobAt(random, Math.round(tMs), id, serviceMs));
  return jobs;
}

const dump = (random: Random, { id, serviceMs }: TraceModel): TraceJob[] => {
  const tMs = whole(random, hoursMs);
  return Array.from({ length: 100 }, () => ({ ...jobAt(random, tMs, id, serviceMs), class: 2 as const }));
};

const jobAt = (random: Random, tMs: number, model: TraceModel['id'], meanMs: number): TraceJob => ({
  ...{ tMs, model, key: null },
  class: ([0, 0, 1, 1, 2][whole(random, 5)] ?? 0) as ClassIndex,
  serviceMs: Math.max(50, Math.round(logNormal(random, meanMs, 0.5))),
});

const whole = (random: Random, below: number) => Math.floor(random() * below);
