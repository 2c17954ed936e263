import { schedulerDefaults } from '../src/config/defaults.ts';
import { asModelId } from '../src/contracts/ids.ts';
import { decide } from '../src/worker/scheduler/decide.ts';
import type { ModelPicture, Picture, ResidentPicture } from '../src/worker/scheduler/types.ts';
import { monotonicMs, quantile, round } from './lib/latency.ts';
import { benchOptions } from './lib/options.ts';
import { markdownTable } from './lib/table.ts';
import { type Random, randomStream } from './traces/random.ts';

/** What a decision costs, by the number of models that all have work waiting: one resident, and three of many. */
const options = benchOptions({ rounds: 100, seed: 1 });
const modelCounts = [2, 4, 8, 16, 32, 64, 128];
const nowMs = 1_800_000_000_000;
const seconds = (count: number) => 1000 * count;

const results = Object.fromEntries(
  modelCounts.map((models) => [models, { one: timesOf(models, 1), three: timesOf(models, 3) }]),
);
if (options.json) process.stdout.write(`${JSON.stringify(results)}\n`);
else
  process.stdout.write(
    markdownTable(
      ['models, all with work waiting', 'one fits: p50, µs', 'p99, µs', 'three fit: p50, µs', 'p99, µs'],
      Object.entries(results).map(([models, { one, three }]) => [
        models,
        ...[one.p50_us, one.p99_us, three.p50_us, three.p99_us].map(String),
      ]),
    ),
  );

function timesOf(models: number, residents: number) {
  const random = randomStream(options.seed, models);
  const pictures = Array.from({ length: 50 }, () => pictureOf(random, models, Math.min(residents, models)));
  const times: number[] = [];
  for (let each = 0; each < options.rounds; each++)
    for (const picture of pictures) {
      const startMs = monotonicMs();
      decide(nowMs, picture, schedulerDefaults);
      times.push((monotonicMs() - startMs) * 1000);
    }
  const warm = times.slice(times.length / 4);
  return { p50_us: round(quantile(warm, 0.5), 1), p99_us: round(quantile(warm, 0.99), 1) };
}

function pictureOf(random: Random, count: number, residents: number): Picture {
  const models = Array.from({ length: count }, (_, index) => modelOf(random, asModelId(`model-${index}`)));
  const ready = models.slice(0, residents).map(({ id }): ResidentPicture => {
    const startedMs = nowMs - seconds(5);
    return {
      ...{ id, state: 'ready', readyAt: nowMs - seconds(200 + 600 * random()), inflight: 1 },
      ...{ youngestStart: startedMs, lastStart: startedMs, pinned: false, softSince: null },
    };
  });
  const vram = residents > 1 ? 10 * residents : 0;
  return {
    models: new Map(models.map((model) => [model.id, model])),
    gpus: [{ vram, swapping: false, residents: ready }],
  };
}

function modelOf(random: Random, id: ModelPicture['id']): ModelPicture {
  const waiting = 1 + Math.floor(20 * random());
  const oldestMs = nowMs - seconds(400 * random());
  return {
    ...{ id, n: [waiting, waiting, 0], oldest: [oldestMs, oldestMs, -1], vram: 10, conc: 4 },
    sumEnq: [waiting * (oldestMs + 1000), waiting * (oldestMs + 1000), 0],
    ...{ svc: seconds(2 + 20 * random()), load: seconds(20 + 80 * random()), unload: seconds(3) },
    ...{ lam: [1e-5, 1e-5, 0], lamSlow: [1e-5, 1e-5, 0] },
    ...{ lastVisit: nowMs - seconds(3000 * random()), blockedUntil: 0 },
  };
}
