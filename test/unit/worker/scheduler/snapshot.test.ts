import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asModelId } from '../../../../src/contracts/ids.ts';
import type { LaneCounts } from '../../../../src/worker/ports.ts';
import { Estimates } from '../../../../src/worker/scheduler/estimates.ts';
import { type SnapshotFacts, takePicture } from '../../../../src/worker/scheduler/snapshot.ts';
import { aModelSpec } from '../../../fakes/a-registry.ts';
import { aResident, nowMs } from './a-picture.ts';

const a = asModelId('a');
const b = asModelId('b');
const specs = new Map([
  [a, aModelSpec('a', { vramMb: 8_000, concurrency: 4, startupTimeMs: 30_000, serviceTimeMs: 2_000 })],
  [b, aModelSpec('b')],
]);
const laneOfA: LaneCounts = {
  model: a,
  waiting: [2, 0, 1],
  oldest: [nowMs - 50, -1, nowMs - 900],
  sumEnqueued: [2 * nowMs - 60, 0, nowMs - 900],
  accepted: [7, 0, 1],
  paused: false,
};

const picture = (over: Partial<SnapshotFacts> = {}) =>
  takePicture({
    lanes: [laneOfA],
    residents: [],
    specs,
    estimates: new Estimates(specs),
    gpu: { vramMb: 24_000 },
    blockedUntil: () => 0,
    lastVisit: () => 0,
    swapping: false,
    ...over,
  });

test('a model is pictured with its lane, its spec and what was learned', () => {
  const lastVisit = (model: string) => (model === a ? nowMs - 5 : 0);
  const blockedUntil = (model: string) => (model === a ? nowMs + 9 : 0);
  assert.deepEqual(picture({ lastVisit, blockedUntil }).models.get(a), {
    id: a,
    n: [2, 0, 1],
    oldest: [nowMs - 50, -1, nowMs - 900],
    sumEnq: [2 * nowMs - 60, 0, nowMs - 900],
    svc: 2_000,
    conc: 4,
    load: 30_000,
    unload: 3_000,
    vram: 8_000,
    lam: [0, 0, 0],
    lamSlow: [0, 0, 0],
    lastVisit: nowMs - 5,
    blockedUntil: nowMs + 9,
  });
});

test('a sleeper is pictured with what its wake and its sleep cost', () => {
  const estimates = new Estimates(specs);
  estimates.loadTook(a, 500, 'asleep');
  const { load = 0, unload } = picture({ estimates, sleeps: (model) => model === a }).models.get(a) ?? {};
  assert.ok(
    load > 500 && load < 2_500,
    `a first guess of a twelfth of the start, and what was learned: ${load} ms`,
  );
  assert.equal(unload, 1_500);
  assert.equal(picture({ estimates }).models.get(a)?.load, 30_000);
});

test('the next picture carries the load time that was learned and saved', () => {
  const estimates = new Estimates(specs);
  estimates.loadTook(a, 10_000);
  const again = Estimates.parse(JSON.parse(JSON.stringify(estimates)), specs);
  assert.equal(picture({ estimates: again }).models.get(a)?.load, 24_000);
});

test('models stand in the order of the registry, with or without a lane', () => {
  const lanes = [
    { ...laneOfA, model: b },
    { ...laneOfA, model: asModelId('gone') },
  ];
  const { models } = picture({ lanes });
  assert.deepEqual([...models.keys()], [a, b]);
  assert.partialDeepStrictEqual(models.get(a), { n: [0, 0, 0], oldest: [-1, -1, -1], sumEnq: [0, 0, 0] });
  assert.deepEqual(models.get(b)?.n, [2, 0, 1]);
});

test('a paused model wants nothing and is not loaded on suspicion', () => {
  assert.partialDeepStrictEqual(picture({ lanes: [{ ...laneOfA, paused: true }] }).models.get(a), {
    n: [0, 0, 0],
    oldest: [-1, -1, -1],
    sumEnq: [0, 0, 0],
    blockedUntil: Infinity,
  });
});

test('the GPU shows who is there and whether it swaps', () => {
  const residents = [aResident('a')];
  assert.deepEqual(picture({ residents, swapping: true }).gpus, [
    { vram: 24_000, swapping: true, residents },
  ]);
});
