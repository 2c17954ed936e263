import { readFile } from 'node:fs/promises';
import { quantile, round } from './lib/latency.ts';
import { benchOptions, table, tell } from './lib/options.ts';
import { Site } from './lib/processes.ts';
import { coldLoads, coldTable } from './swap/cold-loads.ts';

/**
 * What Roundhouse adds to a swap: its own figure for the whole swap, less the engine's own stop (from its SIGTERM to its
 * last instant) and load (from the start of its process, interpreter included, until it is ready). Then what a load takes
 * when the page cache has its weights, has not, and has not but reads them ahead.
 */
const options = benchOptions({ swaps: 60, load: 50, stop: 10, cold: 5, weights: 512 });

interface Instant {
  readonly model: string;
  readonly instant: 'ready' | 'asked to stop' | 'last' | 'asked' | 'answered';
  readonly ms: number;
}

interface LogLine {
  readonly time: string;
  readonly type: string;
  readonly model?: string;
  readonly load?: string;
  readonly evicted?: readonly string[];
  readonly tookMs?: number;
}

await using site = await Site.create();
const journal = site.path('journal.jsonl');
const { url, apiKey } = await site.roundhouse({
  models: { first: model('/v1/first'), second: model('/v1/second') },
});
for (let at = 0; at <= options.swaps; at++) {
  await call(at % 2 === 0 ? '/v1/first' : '/v1/second');
  if (at % 10 === 0) tell(`swap ${at} of ${options.swaps}`);
}
const found = overheads(await lines<LogLine>(site.path('serve.log')), await lines<Instant>(journal));
const loads = await coldLoads({ rounds: options.cold, weightsMb: options.weights });
report(found);

function model(endpoint: string): object {
  const args = { journal, load_ms: options.load, stop_ms: options.stop };
  const times = { startup_time: 0.1, service_time: 0.05 };
  return { type: 'custom', service_script: 'bench/swap-server.py', endpoint, ...times, args };
}

async function call(path: string): Promise<void> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: '{}' });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

async function lines<Line>(path: string): Promise<Line[]> {
  const text = await readFile(path, 'utf8');
  return text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Line] : []));
}

/** One figure for each swap that evicted a model, ms. */
function overheads(log: readonly LogLine[], instants: readonly Instant[]): number[] {
  const found: number[] = [];
  for (const swap of log.filter(({ type, evicted }) => type === 'swap.finished' && evicted?.length === 1)) {
    const endMs = Date.parse(swap.time) + 1;
    const [victim = ''] = swap.evicted ?? [];
    const stopMs =
      lastBefore(instants, victim, 'last', endMs) - lastBefore(instants, victim, 'asked to stop', endMs);
    const started = log.findLast(
      ({ type, model, time }) => type === 'server.started' && model === swap.load && Date.parse(time) < endMs,
    );
    const loadMs = lastBefore(instants, swap.load ?? '', 'ready', endMs) - Date.parse(started?.time ?? '');
    found.push((swap.tookMs ?? 0) - stopMs - loadMs);
  }
  return found;
}

function lastBefore(
  all: readonly Instant[],
  model: string,
  instant: Instant['instant'],
  beforeMs: number,
): number {
  const found = all.findLast(
    (each) => each.model === model && each.instant === instant && each.ms < beforeMs,
  );
  if (found === undefined) throw new Error(`the stand-in of ${model} did not tell "${instant}"`);
  return found.ms;
}

function report(values: readonly number[]): void {
  const result = {
    n: values.length,
    p50_ms: round(quantile(values, 0.5), 1),
    p99_ms: round(quantile(values, 0.99), 1),
  };
  if (options.json) return void console.log(JSON.stringify({ ...result, load_ms: loads }));
  console.log(`${table(['swaps', 'p50 ms', 'p99 ms'], [[result.n, result.p50_ms, result.p99_ms]])}\n`);
  console.log(coldTable(options.weights, loads));
}
