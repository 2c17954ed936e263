import { closedLoop, type LoadResult, rawRequest } from './lib/closed-loop.ts';
import { quantile, round } from './lib/latency.ts';
import { benchOptions, table, tell } from './lib/options.ts';
import { Site } from './lib/processes.ts';
import { type Column, prompt, startColumns } from './overhead/columns.ts';
import { type StreamCost, streamCost } from './overhead/stream-load.ts';

/**
 * What a warm call costs on its way: straight to the model server, through an Express pass-through, through stock
 * BullMQ, and through Roundhouse as it is shipped. All in one run, in turns, so that a noisy machine meets all alike.
 */
const options = benchOptions({ rounds: 5, seconds: 1, tokens: 500 });
const loads = [1, 16, 64] as const;
type Load = (typeof loads)[number];
/** So many rounds long: V8 goes on compiling what runs hot for as long, in every column. */
const warmUpRounds = 3;
const path = '/v1/chat/completions';

await using site = await Site.create();
const { columns } = await startColumns(site);
const json = await measure('answers', rawBodies(prompt));
const firstByte = await measure('first bytes', rawBodies({ ...prompt, stream: true, max_tokens: 1 }));
const streams = await measureStreams();
report();

function rawBodies(body: object): (column: Column) => Buffer {
  return ({ headers }) => rawRequest(path, body, headers);
}

async function measure(
  what: string,
  requestOf: (column: Column) => Buffer,
): Promise<Map<string, LoadResult>> {
  const cells = new Map<string, LoadResult>();
  const isStream = what === 'first bytes';
  const measured = isStream ? columns.filter(({ name }) => !name.startsWith('bullmq')) : columns;
  for (let turn = -1; turn < options.rounds; turn++) {
    for (const connections of loads) {
      for (const column of measured) {
        const durationMs = options.seconds * 1000 * (turn < 0 ? warmUpRounds : 1);
        const result = await closedLoop({
          target: column.target,
          request: requestOf(column),
          connections,
          durationMs,
        });
        if (turn >= 0) add(cells, `${column.name} ${connections}`, result);
      }
    }
    tell(`${what}: round ${turn + 1} of ${options.rounds}`);
  }
  return cells;
}

function add(cells: Map<string, LoadResult>, cell: string, more: LoadResult): void {
  const known = cells.get(cell) ?? { latenciesMs: [], firstBytesMs: [], tookMs: 0 };
  cells.set(cell, {
    latenciesMs: known.latenciesMs.concat(more.latenciesMs),
    firstBytesMs: known.firstBytesMs.concat(more.firstBytesMs),
    tookMs: known.tookMs + more.tookMs,
  });
}

async function measureStreams(): Promise<Map<string, StreamCost>> {
  const costs = new Map<string, StreamCost>();
  const measured = columns.filter(({ name }) => name === 'express' || name === 'roundhouse');
  const load = { streams: 64, tokens: Math.ceil(options.tokens / options.rounds), tokenMs: 20 };
  for (let turn = -1; turn < options.rounds; turn++) {
    for (const column of measured) {
      const cost = await streamCost(
        column,
        turn < 0 ? { ...load, tokens: load.tokens * warmUpRounds } : load,
      );
      if (turn >= 0) costs.set(column.name, sum(costs.get(column.name), cost));
    }
    tell(`streams: round ${turn + 1} of ${options.rounds}`);
  }
  return costs;
}

function sum(known: StreamCost | undefined, more: StreamCost): StreamCost {
  if (known === undefined) return more;
  const tokens = known.tokens + more.tokens;
  const cpuUs = known.cpuUsPerToken * known.tokens + more.cpuUsPerToken * more.tokens;
  return { tokens, cpuUsPerToken: cpuUs / tokens, latenessMs: known.latenessMs.concat(more.latenessMs) };
}

interface Cell {
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly rps: number;
}

function cellOf(
  cells: Map<string, LoadResult>,
  name: string,
  load: Load,
  values: 'latenciesMs' | 'firstBytesMs',
): Cell {
  const result = cells.get(`${name} ${load}`) ?? { latenciesMs: [], firstBytesMs: [], tookMs: 1 };
  return {
    p50_ms: round(quantile(result[values], 0.5)),
    p99_ms: round(quantile(result[values], 0.99)),
    rps: round((result.latenciesMs.length * 1000) / result.tookMs),
  };
}

/** Of the two ways to run stock BullMQ, the faster one at each load. */
function answersOf(name: string): Record<string, Cell> {
  const cells = loads.map((load) => {
    const cell = cellOf(json, name, load, 'latenciesMs');
    const other = name === 'bullmq' ? cellOf(json, 'bullmq, two processes', load, 'latenciesMs') : cell;
    return [String(load), other.rps > cell.rps ? other : cell] as const;
  });
  return Object.fromEntries(cells);
}

function streamOf(name: string) {
  const cost = streams.get(name);
  const late = cost?.latenessMs ?? [];
  return {
    cpu_us_per_token: round(cost?.cpuUsPerToken ?? 0, 1),
    token_p50_ms: round(quantile(late, 0.5)),
    token_p99_ms: round(quantile(late, 0.99)),
    token_max_ms: round(quantile(late, 1)),
  };
}

function report(): void {
  const names = ['direct', 'express', 'bullmq', 'roundhouse'] as const;
  const answers = Object.fromEntries(names.map((name) => [name, answersOf(name)]));
  const streamed = names.filter((name) => name !== 'bullmq');
  const first = Object.fromEntries(
    streamed.map((name) => [
      name,
      Object.fromEntries(loads.map((load) => [String(load), cellOf(firstByte, name, load, 'firstBytesMs')])),
    ]),
  );
  const stream = { first_byte: first, express: streamOf('express'), roundhouse: streamOf('roundhouse') };
  if (options.json) return void console.log(JSON.stringify({ ...answers, stream }));
  const head = ['', ...loads.flatMap((load) => [`c=${load} p50 ms`, 'p99 ms', 'req/s'])];
  const row = (name: string, cells: Record<string, Cell> | undefined) => [
    name,
    ...loads.flatMap((load) => {
      const { p50_ms, p99_ms, rps } = cells?.[String(load)] ?? { p50_ms: 0, p99_ms: 0, rps: 0 };
      return [p50_ms.toFixed(2), p99_ms.toFixed(2), rps];
    }),
  ];
  console.log(
    `JSON answers\n\n${table(
      head,
      names.map((name) => row(name, answers[name])),
    )}\n`,
  );
  console.log(
    `First byte of a stream\n\n${table(
      head,
      streamed.map((name) => row(name, first[name])),
    )}\n`,
  );
  const streamHead = ['64 streams x 50 tokens/s', 'CPU µs/token', 'token p50 ms', 'p99 ms', 'max ms'];
  const streamRow = (name: 'express' | 'roundhouse') => [name, ...Object.values(stream[name])];
  console.log(table(streamHead, [streamRow('express'), streamRow('roundhouse')]));
}
