import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FastClock } from '../../../bench/replay/fast-clock.ts';
import { LoadBegan } from '../../../bench/replay/load-began.ts';
import { RealCost } from '../../../bench/replay/real-cost.ts';
import { Recorder } from '../../../bench/replay/recorder.ts';
import { openTrace } from '../../../bench/traces/generate.ts';
import { measure } from '../../../bench/traces/measure.ts';
import { asJobId, asModelId } from '../../../src/contracts/ids.ts';

const [flux, textA] = [asModelId('flux'), asModelId('text-a')];
const [first, second] = [asJobId('job_1'), asJobId('job_2')];
const swap = { load: flux, evict: [], reason: 'rent-paid', why: 'it waits' };
const took = { load: flux, evicted: [textA], reason: 'rent-paid' };

test('a fast clock tells whole ms of its own time', async () => {
  const clock = new FastClock(1000);
  const [fromMs, fromMonotonicMs] = [clock.now(), clock.monotonicMs()];
  await clock.sleep(5000);
  assert.ok(Number.isInteger(clock.now()));
  assert.ok(clock.now() - fromMs >= 4000);
  assert.ok(clock.monotonicMs() - fromMonotonicMs >= 4000);
});

test('what is heard of a house at work is told as a simulated run', () => {
  const trace = openTrace('mixed3', 1);
  let nowMs = 0;
  const recorder = new Recorder({ ...trace, jobs: trace.jobs.slice(0, 2) }, () => nowMs);
  recorder.submitted(0, first, 1000);
  recorder.submitted(1, second, 1000);
  recorder.hear({ type: 'swap.started', ...swap });
  nowMs = 90_000;
  recorder.hear({ type: 'swap.finished', ...took, tookMs: 90_000, drainMs: 10_000, unloadMs: 0, loadMs: 0 });
  recorder.hear({ type: 'job.started', jobId: first, model: flux, attempt: 1, waitMs: 0 });
  nowMs = 91_500;
  const end = { model: flux, status: 'completed', attempt: 1, runMs: 0, code: null } as const;
  recorder.hear({ type: 'job.settled', jobId: first, ...end });
  const run = recorder.run();
  const { swaps, swapS, drainS } = measure(run);
  assert.deepEqual({ swaps, swapS, drainS }, { swaps: 1, swapS: 80, drainS: 10 });
  assert.deepEqual([run.jobs[0]?.startedMs, run.jobs[0]?.endedMs], [90_000, 91_500]);
  assert.equal(recorder.jobCost.ms, 500);
  assert.deepEqual(recorder.settled, [first]);
});

test('the cost of the machine is the median of the latest, nothing at first', () => {
  const cost = new RealCost();
  assert.equal(cost.ms, 0);
  for (const each of [9000, 3, 1, 2, 4]) cost.learn(each);
  assert.equal(cost.ms, 3);
  for (let i = 0; i < 15; i++) cost.learn(10);
  assert.equal(cost.ms, 10);
});

test('what the machine adds to a swap is taken off the next load, once, and no more than 10 ms of its time', () => {
  const began = new LoadBegan(openTrace('mixed3', 1), 1000);
  const starting = {
    type: 'model.state-changed',
    model: flux,
    to: 'starting',
    from: 'stopped',
    reason: null,
  } as const;
  const load = (loadMs: number) => {
    began.hear(starting);
    began.hear({ type: 'swap.finished', ...took, tookMs: 0, drainMs: 0, unloadMs: 3000, loadMs });
  };
  load(79_000);
  assert.equal(began.cost.ms, 4000);
  load(75_000);
  assert.equal(began.cost.ms, 4000);
  for (let i = 0; i < 15; i++) load(95_000);
  assert.equal(began.cost.ms, 10_000);
});

test('a load counts from the moment at which the unload before it should have ended', () => {
  const began = new LoadBegan(openTrace('mixed3', 1), 1);
  const change = { type: 'model.state-changed', reason: null } as const;
  began.hear({ ...change, model: flux, from: 'stopped', to: 'starting' });
  const withoutUnloadMs = began.atMs;
  began.hear({ ...change, model: textA, from: 'ready', to: 'stopping' });
  began.hear({ ...change, model: flux, from: 'stopped', to: 'starting' });
  assert.ok(began.atMs - withoutUnloadMs >= 3000);
});
