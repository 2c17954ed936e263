import { formatDuration, formatMoment } from '../durations.ts';
import { type Column, fit, type Line, paintLine, type Span, span, table } from '../layout.ts';
import type { Meaning, Paint } from '../terminal.ts';
import { progressBar } from './progress-bar.ts';
import type { ModelFacts, StatusFacts, SwapFacts, WorkerFacts } from './status-facts.ts';

/** The whole picture: is it up, what is on the turntable, who waits, what was swapped last. */
export function renderStatus(
  facts: StatusFacts,
  { columns, paint }: { columns: number; paint: Paint },
): string {
  const lines: Line[] = [
    ...headline(facts),
    [],
    ...modelTable(facts, columns),
    ...swapTable(facts, columns),
    ...workerTable(facts, columns),
  ];
  return lines.map((line) => `${paintLine(fit(line, columns), paint)}\n`).join('');
}

function headline({ url, isReady, problem, redisPingMs, workers }: StatusFacts): Line[] {
  const state = isReady ? span('ready', 'good') : span('not ready', 'bad');
  const ping = redisPingMs === null ? 'redis away' : `redis ${redisPingMs.toFixed(1)} ms`;
  const count = `${workers.length} worker${workers.length === 1 ? '' : 's'}`;
  const line = [span('Roundhouse', 'strong'), span(`  ${url}  `), state, span(`  ${ping}  ${count}`, 'dim')];
  return problem === null ? [line] : [line, [span(`  ${problem}`, 'bad')]];
}

const modelColumns: readonly Column[] = [
  { title: '', dispensable: 0 },
  { title: 'MODEL', dispensable: 0 },
  { title: 'TYPE', dispensable: 3 },
  { title: 'STATE', dispensable: 0 },
  { title: 'QUEUED', align: 'right', dispensable: 0 },
  { title: 'RUNNING', align: 'right', dispensable: 1 },
  { title: 'OLDEST', align: 'right', dispensable: 2 },
];

function modelTable({ models, nowMs }: StatusFacts, columns: number): Line[] {
  const [head, ...rows] = table(
    modelColumns,
    models.map((model) => modelRow(model, nowMs)),
    columns,
  );
  const withReasons = rows.flatMap((row, index) => [row, ...reasonLine(models[index])]);
  return head ? [head, ...withReasons] : [];
}

const marks: Readonly<Record<string, Span>> = {
  ready: span('●', 'good'),
  draining: span('◐', 'busy'),
  starting: span('◔', 'busy'),
  loading: span('◑', 'busy'),
  stopping: span('◐', 'busy'),
  asleep: span('◌', 'dim'),
  failed: span('✖', 'bad'),
};

function modelRow(model: ModelFacts, nowMs: number): Line[] {
  const { id, type, queued, running, oldestQueuedMs, state } = model;
  return [
    [marks[state] ?? span('○', 'dim')],
    [span(id, 'strong')],
    [span(type, 'dim')],
    stateCell(model, nowMs),
    [number(queued, 'busy')],
    [number(running, 'good')],
    [oldestQueuedMs === null ? span('–', 'dim') : span(formatDuration(oldestQueuedMs))],
  ];
}

const number = (value: number, meaning: Meaning) => span(String(value), value > 0 ? meaning : 'dim');

function stateCell(model: ModelFacts, nowMs: number): Line {
  const { state, sinceMs, phase, progress, isPaused } = model;
  const paused = isPaused ? [span(' paused', 'busy')] : [];
  const lasts = sinceMs === null ? '' : ` ${formatDuration(wholeSeconds(nowMs - sinceMs))}`;
  switch (state) {
    case 'starting':
    case 'loading':
      return [
        span(`${state} `, 'busy'),
        ...progressBar(progress),
        span(phase ? ` ${phase}` : '', 'dim'),
        ...paused,
      ];
    case 'ready':
      return [span('ready', 'good'), span(lasts, 'dim'), ...paused];
    case 'failed':
      return [span('failed', 'bad'), span(retryText(model), 'dim'), ...paused];
    case 'draining':
    case 'stopping':
      return [span(state, 'busy'), span(lasts, 'dim'), ...paused];
    default:
      return [span(state, 'dim'), ...paused];
  }
}

/** When a state began is known to the second. */
const wholeSeconds = (ms: number) => Math.floor(ms / 1000) * 1000;

function retryText({ failure }: ModelFacts): string {
  if (!failure) return '';
  const times = failure.failures > 1 ? ` ${failure.failures} times` : '';
  return failure.retryInMs ? `${times}, not before ${formatDuration(failure.retryInMs)}` : times;
}

function reasonLine(model: ModelFacts | undefined): Line[] {
  if (model?.state !== 'failed' || !model.failure) return [];
  const [first = ''] = model.failure.reason.split('\n');
  return [[span(`   ${first}`, 'bad'), span(`  (roundhouse logs ${model.id})`, 'dim')]];
}

const swapColumns: readonly Column[] = [
  { title: 'SWAPS', dispensable: 0 },
  { title: 'IN', dispensable: 0 },
  { title: 'OUT', dispensable: 1 },
  { title: 'TOOK', align: 'right', dispensable: 0 },
  { title: 'WHY', dispensable: 2 },
];

function swapTable({ swaps, nowMs }: StatusFacts, columns: number): Line[] {
  if (swaps.length === 0) return [];
  const row = ({ atMs, load, evicted, tookMs, reason }: SwapFacts): Line[] => [
    [span(formatMoment(atMs, nowMs), 'dim')],
    [span(load)],
    [span(evicted.join(', ') || '–', 'dim')],
    [tookMs === null ? span('failed', 'bad') : span(formatDuration(tookMs))],
    [span(reason, 'dim')],
  ];
  return [[], ...table(swapColumns, swaps.map(row), columns)];
}

const workerColumns: readonly Column[] = [
  { title: 'WORKER', dispensable: 0 },
  { title: 'HOST', dispensable: 1 },
  { title: 'UP', align: 'right', dispensable: 0 },
  { title: 'SEEN', align: 'right', dispensable: 2 },
];

function workerTable({ workers }: StatusFacts, columns: number): Line[] {
  if (workers.length === 0) return [];
  const row = ({ name, host, upMs, seenMs }: WorkerFacts): Line[] => [
    [span(name)],
    [span(host, 'dim')],
    [span(formatDuration(upMs))],
    [span(`${formatDuration(seenMs)} ago`, 'dim')],
  ];
  return [[], ...table(workerColumns, workers.map(row), columns)];
}
