import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile, round } from '../lib/latency.ts';
import { table, tell } from '../lib/options.ts';
import { Site } from '../lib/processes.ts';

/** Median load of a swap, ms, by what the page cache has of the weights. */
export interface LoadTimes {
  readonly warm: number;
  readonly cold: number;
  /** Not cached, and read while the model before it finishes its job. */
  readonly read_ahead: number;
}

type Kind = keyof LoadTimes;

export interface ColdOptions {
  readonly rounds: number;
  readonly weightsMb: number;
}

const workMs = 1500;
const headers = { 'content-type': 'application/json' };

/** In turns, so that a noisy disk meets all alike. */
export async function coldLoads(options: ColdOptions): Promise<LoadTimes> {
  const found: Record<Kind, number[]> = { warm: [], cold: [], read_ahead: [] };
  await using site = await Site.create();
  const weights = site.path('weights');
  await fill(weights, options.weightsMb);
  const { url, apiKey } = await site.roundhouse({
    models: {
      first: model('/v1/first', { work_ms: workMs }, true),
      cold: model('/v1/cold', { weights }, false),
      read_ahead: model('/v1/read_ahead', { weights }, true),
    },
  });
  const call = async (path: string): Promise<void> => {
    const response = await fetch(`${url}/v1/${path}`, {
      method: 'POST',
      headers: { ...headers, authorization: `Bearer ${apiKey}` },
      body: '{}',
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  };
  for (const path of ['cold', 'read_ahead', 'first']) await call(path);
  for (let at = 0; at < options.rounds; at++) {
    for (const kind of ['warm', 'cold', 'read_ahead'] as const) {
      if (kind !== 'warm') await forget(weights);
      const path = kind === 'warm' ? 'cold' : kind;
      const working = call('first');
      await sleep(100);
      await Promise.all([call(path), working]);
      found[kind].push(await lastLoadMs(site, path));
      await call('first');
    }
    tell(`cold loads: round ${at + 1} of ${options.rounds}`);
  }
  const median = (kind: Kind) => round(quantile(found[kind], 0.5), 1);
  return { warm: median('warm'), cold: median('cold'), read_ahead: median('read_ahead') };
}

export function coldTable(weightsMb: number, { warm, cold, read_ahead }: LoadTimes): string {
  return table(
    [`load with ${weightsMb} MB of weights`, 'median ms'],
    [
      ['in the page cache', warm],
      ['not in it', cold],
      ['not in it, read ahead', read_ahead],
    ],
  );
}

function model(endpoint: string, args: object, readAhead: boolean): object {
  return {
    ...{ type: 'custom', service_script: 'bench/swap-server.py', endpoint, read_ahead: readAhead },
    ...{ startup_time: 0.1, service_time: 0.05, args: { journal: '/dev/null', ...args } },
  };
}

async function fill(path: string, mb: number): Promise<void> {
  await using file = await open(path, 'w');
  const piece = Buffer.alloc(1024 * 1024, 7);
  for (let at = 0; at < mb; at++) await file.write(piece);
  await file.sync();
}

/** Takes a file out of the page cache. */
async function forget(path: string): Promise<void> {
  const child = spawn('dd', [`if=${path}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`dd ended with ${code}`);
}

async function lastLoadMs(site: Site, model: string): Promise<number> {
  const text = await readFile(site.path('serve.log'), 'utf8');
  const lines = text.split('\n').filter((line) => line.includes('swap.finished'));
  const swaps = lines.map((line) => JSON.parse(line) as { load?: string; loadMs?: number });
  const swap = swaps.findLast(({ load }) => load === model);
  if (swap?.loadMs === undefined) throw new Error(`no swap to ${model} was logged`);
  return swap.loadMs;
}
