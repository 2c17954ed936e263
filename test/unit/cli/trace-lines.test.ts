import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTraceFile } from '../../../bench/traces/trace-file.ts';
import { type TraceAnswers, traceOf } from '../../../src/cli/trace-lines.ts';

const accepted = (at: number, id: string, key?: string) => ({
  ...{ at, type: 'job.accepted', job_id: id, model: 'smol', class: 'normal' as const },
  ...(key !== undefined && { key_id: key }),
});
const started = (at: number, id: string) => ({ at, type: 'job.started', job_id: id });
const settled = (at: number, id: string) => ({ at, type: 'job.settled', job_id: id });

const answersOf = (
  oldestFirst: TraceAnswers['jobs']['data'],
  over: Partial<TraceAnswers> = {},
): TraceAnswers => ({
  jobs: { data: oldestFirst.toReversed() },
  swaps: { data: [] },
  models: {
    data: [
      { id: 'smol', vram_mb: 4000, concurrency: 8 },
      { id: 'joe', vram_mb: 0, concurrency: 1 },
    ],
  },
  gpu: { vram_mb: 24_000 },
  ...over,
});

test('a job becomes a line with when it came, from the first on, and how long it ran', () => {
  const { header, jobs, leftOut } = traceOf(
    answersOf([
      ...[accepted(100, 'x'), started(101.5, 'x'), accepted(102.25, 'y')],
      ...[settled(103, 'x'), started(104, 'y'), settled(107.5, 'y')],
    ]),
  );
  assert.deepEqual(jobs, [
    { t_ms: 0, model: 'smol', class: 'normal', service_ms: 1500 },
    { t_ms: 2250, model: 'smol', class: 'normal', service_ms: 3500 },
  ]);
  assert.deepEqual([header.vram_mb, header.models.map(({ id }) => id), leftOut], [24_000, ['smol'], 0]);
  assert.deepEqual(
    [header.models[0]?.service_ms, header.models[0]?.vram_mb, header.models[0]?.concurrency],
    [2500, 4000, 8],
  );
});

test('of a job that ran twice, the run that ended counts', () => {
  const events = [accepted(1, 'x'), started(2, 'x'), started(10, 'x'), settled(11, 'x')];
  assert.equal(traceOf(answersOf(events)).jobs[0]?.service_ms, 1000);
});

test('a job that started as it was accepted has no start of its own in the history', () => {
  const events = [{ ...accepted(1, 'x'), is_started: true }, settled(3, 'x')];
  assert.equal(traceOf(answersOf(events)).jobs[0]?.service_ms, 2000);
});

test('jobs that never ran, or are remembered in part, are left out and counted', () => {
  const events = [
    ...[started(0, 'forgotten'), settled(1, 'forgotten')],
    ...[accepted(1, 'cancelled'), settled(2, 'cancelled')],
    ...[accepted(3, 'running'), started(4, 'running')],
    ...[accepted(5, 'x'), started(6, 'x'), settled(7, 'x')],
  ];
  const { jobs, leftOut } = traceOf(answersOf(events));
  assert.deepEqual([jobs.length, jobs[0]?.t_ms, leftOut], [1, 0, 3]);
});

test('keys are numbered in the order they came', () => {
  const lives = ['b', 'a', 'b'].flatMap((key, index) => [
    accepted(index, `job${index}`, key),
    started(index, `job${index}`),
    settled(index, `job${index}`),
  ]);
  assert.deepEqual(
    traceOf(answersOf(lives)).jobs.map(({ key }) => key),
    ['key-1', 'key-2', 'key-1'],
  );
});

test('loads and unloads are the means of the swaps; of what is not remembered a guess is made, and said', () => {
  const job = [accepted(0, 'x'), started(1, 'x'), settled(2, 'x')];
  const swap = { type: 'swap.finished', load: 'smol', evicted: ['joe'], load_ms: 4000, unload_ms: 500 };
  const swaps = [
    swap,
    { ...swap, load_ms: 6000 },
    { type: 'swap.started', load: 'smol' },
    { ...swap, load: 'joe', evicted: ['smol'], unload_ms: 700 },
    { ...swap, load: 'joe', evicted: ['smol', 'other'], unload_ms: 9000 },
  ];
  const told = traceOf(answersOf(job, { swaps: { data: swaps } }));
  assert.deepEqual([told.header.models[0]?.load_ms, told.header.models[0]?.unload_ms], [5000, 700]);
  assert.deepEqual(told.assumed, []);
  const untold = traceOf(answersOf(job));
  assert.deepEqual([untold.header.models[0]?.load_ms, untold.header.models[0]?.unload_ms], [60_000, 3000]);
  assert.deepEqual(untold.assumed, ['smol']);
});

test('the bench reads what is exported', () => {
  const { header, jobs } = traceOf(
    answersOf([accepted(0, 'x', 'abc'), started(1, 'x'), settled(2, 'x')], { gpu: { vram_mb: 0 } }),
  );
  const text = [header, ...jobs].map((line) => JSON.stringify(line)).join('\n');
  const trace = parseTraceFile(text, 'day');
  assert.deepEqual(trace.jobs, [{ tMs: 0, model: 'smol', class: 1, serviceMs: 1000, key: 'key-1' }]);
});
