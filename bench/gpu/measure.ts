import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Env } from '../../src/config/environment.ts';
import { parseSettings, thisMachine } from '../../src/config/settings.ts';
import type { RoundhouseEvent } from '../../src/contracts/events.ts';
import type { ModelId } from '../../src/contracts/ids.ts';
import { hasGpu } from '../../src/platform/gpu-presence.ts';
import { largeFiles } from '../../src/platform/page-cache.ts';
import { openHouse } from '../../src/roof/house.ts';
import { buildTurntable } from '../../src/roof/worker-half.ts';
import { NvidiaSmi } from '../../src/supervisor/gpu-probe.ts';
import type { ProcessTurntable } from '../../src/supervisor/turntable.ts';
import { monotonicMs, quantile, round } from '../lib/latency.ts';
import { projectDir } from '../lib/processes.ts';

/** Memory of all GPUs in MB, times in s; null: this model does not sleep. */
export interface ModelFigures {
  readonly before_mb: number;
  readonly resident_mb: number;
  readonly asleep_mb: number | null;
  readonly after_mb: number;
  /** Weights not in the page cache; null: which files they are is not known, or they are small. */
  readonly cold_s: number | null;
  readonly cached_s: number;
  readonly sleep_s: number | null;
  readonly wake_s: number | null;
  readonly stop_s: number;
  /** Why it does not sleep, where it was to. */
  readonly sleepless: string | null;
}

export interface GpuBox extends AsyncDisposable {
  readonly turntable: ProcessTurntable;
  readonly usedMb: () => Promise<number>;
  /** Where the model's weights lie, once it was loaded. */
  readonly weightsOf: (model: ModelId) => Promise<readonly string[]>;
  readonly sleeplessOf: (model: ModelId) => string | null;
  /** @throws RangeError for a name that the models file does not have */
  modelsNamed(names: string | undefined): readonly ModelId[];
}

/** The supervisor of `serve`, alone, in a folder of its own; weights are where they always are. @throws Error without a GPU */
export async function openBox(env: Env): Promise<GpuBox> {
  const searchPath = env.PATH ?? '';
  if (!(await hasGpu(searchPath)))
    throw new Error('There is no GPU here: `nvidia-smi -L` lists none. Run this on the GPU machine.');
  const { weightsDir } = parseSettings(env, projectDir, thisMachine(true));
  const dir = await mkdtemp(join(tmpdir(), 'rhg-'));
  const own = {
    ROUNDHOUSE_ROLE: 'all',
    ROUNDHOUSE_DATA: join(dir, 'data'),
    ROUNDHOUSE_RUNTIME: join(dir, 'run'),
  };
  const house = await openHouse({
    env: { ...env, ...own, HF_HOME: weightsDir, ROUNDHOUSE_LOG_LEVEL: 'silent' },
    projectDir,
  });
  const sleepless = new Map<ModelId, string>();
  house.listeners.add((event: RoundhouseEvent) => {
    if (event.type === 'server.sleepless') sleepless.set(event.model, event.why);
  });
  const turntable = buildTurntable(house);
  await turntable.start();
  const probe = new NvidiaSmi({ searchPath });
  const all = [...house.registry().models.keys()];
  return {
    turntable,
    usedMb: async () => (await probe.memory())?.usedMb ?? 0,
    weightsOf: async (model) => {
      const text = await readFile(join(dir, 'data', 'weights.json'), 'utf8').catch(() => '{}');
      return (JSON.parse(text) as Record<string, readonly string[]>)[model] ?? [];
    },
    sleeplessOf: (model) => sleepless.get(model) ?? null,
    modelsNamed: (names) => (names === undefined ? all : names.split(',').map((name) => named(name, all))),
    async [Symbol.asyncDispose]() {
      await turntable.stop(AbortSignal.timeout(20_000));
      await house.http.close();
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export async function measureModel(box: GpuBox, model: ModelId, rounds: number): Promise<ModelFigures> {
  const { turntable, usedMb } = box;
  const times: Record<'cold' | 'cached' | 'sleep' | 'wake' | 'stop', number[]> = {
    ...{ cold: [], cached: [], sleep: [], wake: [], stop: [] },
  };
  const beforeMb = await usedMb();
  let [residentMb, asleepMb]: [number, number | null] = [0, null];
  await turntable.load(model);
  await turntable.unload(model, 'measured');
  for (let at = 0; at < rounds; at++) {
    if (await dropFromCache(await box.weightsOf(model))) {
      times.cold.push(await seconds(() => turntable.load(model)));
      await turntable.unload(model, 'measured');
    }
    times.cached.push(await seconds(() => turntable.load(model)));
    residentMb = Math.max(residentMb, await usedMb());
    const sleepS = await seconds(() => turntable.evict(model, 'measured'));
    if (turntable.states().get(model)?.state === 'asleep') {
      times.sleep.push(sleepS);
      asleepMb = Math.max(asleepMb ?? 0, await usedMb());
      times.wake.push(await seconds(() => turntable.load(model)));
      times.stop.push(await seconds(() => turntable.unload(model, 'measured')));
    } else times.stop.push(sleepS);
  }
  const median = (kind: keyof typeof times) =>
    times[kind].length === 0 ? null : round(quantile(times[kind], 0.5));
  return {
    ...{ before_mb: beforeMb, resident_mb: residentMb, asleep_mb: asleepMb, after_mb: await usedMb() },
    ...{
      cold_s: median('cold'),
      cached_s: median('cached') ?? 0,
      sleep_s: median('sleep'),
      wake_s: median('wake'),
    },
    ...{ stop_s: median('stop') ?? 0, sleepless: box.sleeplessOf(model) },
  };
}

async function seconds(run: () => Promise<void>): Promise<number> {
  const startedMs = monotonicMs();
  await run();
  return (monotonicMs() - startedMs) / 1000;
}

/** Whether there was anything to take out of the page cache. */
async function dropFromCache(paths: readonly string[]): Promise<boolean> {
  const files = await largeFiles(paths);
  for (const [path] of files) {
    const child = spawn('dd', [`if=${path}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
    await once(child, 'exit');
  }
  return files.length > 0;
}

function named(name: string, all: readonly ModelId[]): ModelId {
  const found = all.find((id) => id === name);
  if (found === undefined)
    throw new RangeError(`The models file has no "${name}"; it has ${all.join(', ')}.`);
  return found;
}
