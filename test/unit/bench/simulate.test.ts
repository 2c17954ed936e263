import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lowerBound } from '../../../bench/traces/lower-bound.ts';
import { measure, painPerMs, waitOf } from '../../../bench/traces/measure.ts';
import { collate } from '../../../bench/traces/policies/collate.ts';
import { fifo } from '../../../bench/traces/policies/fifo.ts';
import { lru } from '../../../bench/traces/policies/lru.ts';
import { rent } from '../../../bench/traces/policies/rent.ts';
import { type Run, simulate } from '../../../bench/traces/simulate.ts';
import type { Trace, TraceJob, TraceModel } from '../../../bench/traces/trace.ts';
import { asModelId } from '../../../src/contracts/ids.ts';
import { randomHouse } from './random-house.ts';

const [a, b] = [asModelId('a'), asModelId('b')];

const aModel = (id: TraceModel['id'], over: Partial<TraceModel> = {}): TraceModel => ({
  ...{ id, loadMs: 10_000, unloadMs: 1_000, vram: 10, concurrency: 1, serviceMs: 5_000 },
  ...over,
});

const aJob = (tMs: number, model: TraceModel['id'], over: Partial<TraceJob> = {}): TraceJob => ({
  ...{ tMs, model, class: 1, serviceMs: 5_000, key: null },
  ...over,
});

const aTrace = (jobs: readonly TraceJob[], over: Partial<Trace> = {}): Trace => ({
  ...{ name: 'small', gpus: 1, vram: 0, models: [aModel(a), aModel(b)], jobs },
  ...over,
});

const starts = ({ jobs }: Run) => jobs.map(({ startedMs }) => startedMs);

test('in order of arrival, each turn to another model costs a swap', () => {
  const trace = aTrace([aJob(0, a), aJob(0, b), aJob(0, a)]);
  const run = simulate(trace, fifo());
  assert.deepEqual(starts(run), [10_000, 26_000, 42_000]);
  assert.equal(measure(run).swaps, 3);
  assert.equal(measure(run).swapS, 10 + 11 + 11);
});

test('collated, a model does all its work before it leaves', () => {
  const run = simulate(aTrace([aJob(0, a), aJob(0, b), aJob(0, a)]), collate());
  assert.deepEqual(starts(run), [10_000, 31_000, 15_000]);
  assert.equal(measure(run).swaps, 2);
});

test('a swap waits for what runs, and a draining model starts nothing', () => {
  const models = [aModel(a, { concurrency: 2 }), aModel(b)];
  const jobs = [aJob(0, a, { serviceMs: 60_000 }), aJob(11_000, b), aJob(20_000, a)];
  const run = simulate(aTrace(jobs, { models }), fifo());
  assert.deepEqual(starts(run), [10_000, 81_000, 97_000]);
  const [, swap] = run.swaps;
  assert.deepEqual([swap?.decidedMs, swap?.drainedMs, swap?.readyMs], [11_000, 70_000, 81_000]);
  assert.equal(measure(run).drainS, 59 + 5);
});

test('as many jobs run at once as the model serves', () => {
  const models = [aModel(a, { concurrency: 2 }), aModel(b)];
  const jobs = [0, 0, 0, 0, 0].map((tMs) => aJob(tMs, a));
  assert.deepEqual(
    starts(simulate(aTrace(jobs, { models }), fifo())),
    [10_000, 10_000, 15_000, 15_000, 20_000],
  );
});

test('where two fit, the one unused for longest leaves', () => {
  const c = asModelId('c');
  const models = [aModel(a), aModel(b), aModel(c)];
  const jobs = [aJob(0, a), aJob(0, b), aJob(100_000, a), aJob(200_000, c)];
  const { swaps } = simulate(aTrace(jobs, { models, vram: 20 }), lru());
  assert.deepEqual(
    swaps.map(({ load, evict }) => [load, evict]),
    [
      [a, []],
      [b, []],
      [c, [b]],
    ],
  );
});

test('two GPUs work side by side', () => {
  const run = simulate(aTrace([aJob(0, a), aJob(0, b)], { gpus: 2 }), lru());
  assert.deepEqual(starts(run), [10_000, 10_000]);
});

test('a policy that leaves work undone is found out', () => {
  const never = { next: () => null, decide: () => ({ askAtMs: Infinity }) };
  assert.throws(() => simulate(aTrace([aJob(0, a)]), never), /1 jobs of small wait for ever/);
});

test('a policy that wants what does not fit is found out', () => {
  const greedy = { ...fifo(), decide: () => ({ gpu: 0, load: a, evict: [b], reason: '', why: '' }) };
  assert.throws(() => simulate(aTrace([aJob(0, a)]), greedy), /which cannot be/);
});

test('of a key that floods a lane only so many wait in it, and others pass the rest', () => {
  const flood = Array.from({ length: 50 }, () => aJob(0, a, { key: 'z' }));
  const trace = aTrace([...flood, aJob(1_000, a, { key: 'b' })]);
  const window = { alone: 16, shared: 4, activeForMs: 600_000 };
  const placeOfB = (run: Run) => {
    const jobOfB = run.jobs.at(-1);
    return run.jobs.filter(({ startedMs }) => startedMs < (jobOfB?.startedMs ?? 0)).length;
  };
  assert.equal(placeOfB(simulate(trace, rent(trace), { window })), 16);
  assert.equal(placeOfB(simulate(trace, rent(trace))), 50);
});

test('jobs that wait in a backlog wait from when they came, and none is lost', () => {
  const trace = aTrace(Array.from({ length: 50 }, () => aJob(0, a, { key: 'z' })));
  const run = simulate(trace, rent(trace, { params: { settle: 0 } }), {
    window: { alone: 2, shared: 1, activeForMs: 1 },
  });
  assert.deepEqual(
    run.jobs.map(waitOf),
    run.jobs.map((_job, index) => 10_000 + 5_000 * index),
  );
});

test('no policy waits less than the lower bound, whatever the house and the weights', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const house = randomHouse(seed);
    for (const weightOf of [() => 1, painPerMs]) {
      const least = lowerBound(house, weightOf);
      for (const policy of [fifo(), collate(), rent(house)]) {
        const waited = simulate(house, policy).jobs.reduce(
          (sum, job) => sum + weightOf(job) * waitOf(job),
          0,
        );
        assert.ok(least <= waited, `seed ${seed}: ${least} > ${waited}`);
      }
    }
  }
});

test('the lower bound of one model and one job is its load', () => {
  assert.equal(
    lowerBound(aTrace([aJob(0, a)]), () => 1),
    10_000,
  );
});
