import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Decision } from '../../../../src/worker/scheduler/types.ts';
import { aGpu, aModel, aResident, decided, nowMs, queueOf, seconds } from './a-picture.ts';

const nothing: Decision = { kind: 'nothing' };
const wanted = queueOf(0, 3, seconds(10));

test('with room left a model loads at once and evicts nobody', () => {
  const models = [
    aModel('a', { ...queueOf(1, 50, seconds(60)), vram: 40 }),
    aModel('b', { ...wanted, vram: 60 }),
  ];
  const decision = decided(models, [aGpu([aResident('a', { inflight: 1 })], { vram: 100 })]);
  assert.partialDeepStrictEqual(decision, { load: 'b', evict: [], reason: 'rent-paid', soften: false });
});

test('no more is evicted than must be, and what hurts least', () => {
  const models = [
    aModel('a', { vram: 30, lam: [0.0001, 0, 0] }),
    aModel('b', { vram: 30 }),
    aModel('c', { vram: 30, lam: [0.0002, 0, 0] }),
    aModel('d', { ...queueOf(0, 30, seconds(100)), vram: 35 }),
  ];
  const decision = decided(models, [
    aGpu(
      ['a', 'b', 'c'].map((id) => aResident(id)),
      { vram: 100 },
    ),
  ]);
  assert.partialDeepStrictEqual(decision, { load: 'd', evict: ['b'] });
});

test('several leave together where one does not make room', () => {
  const models = [
    aModel('a', { vram: 30 }),
    aModel('b', { vram: 0 }),
    aModel('c', { vram: 30 }),
    aModel('d', { ...wanted, vram: 90 }),
  ];
  const decision = decided(models, [
    aGpu(
      ['a', 'b', 'c'].map((id) => aResident(id)),
      { vram: 100 },
    ),
  ]);
  assert.partialDeepStrictEqual(decision, { load: 'd', evict: ['a', 'c'] });
});

test('a model goes to the GPU where it does the least damage', () => {
  const models = [
    aModel('a', { lam: [0.0001, 0, 0] }),
    aModel('b'),
    aModel('c', queueOf(0, 30, seconds(100))),
  ];
  const decision = decided(models, [aGpu([aResident('a')]), aGpu([aResident('b')])]);
  assert.partialDeepStrictEqual(decision, { gpu: 1, load: 'c', evict: ['b'] });
});

test('a queue that its copy will have served by then gets no second copy', () => {
  const models = [aModel('a', queueOf(0, 6, seconds(10)))];
  assert.deepEqual(decided(models, [aGpu([aResident('a')]), aGpu([])]), nothing);
});

test('a second copy must earn its whole visit', () => {
  const replica = (jobs: number) =>
    decided([aModel('a', queueOf(0, jobs, seconds(10)))], [aGpu([aResident('a')]), aGpu([])]);
  assert.deepEqual(replica(12), nothing);
  const decision = replica(60);
  assert.partialDeepStrictEqual(decision, { gpu: 1, load: 'a', evict: [], reason: 'rent-paid' });
  assert.match(decision.kind === 'swap' ? decision.why : '', /^a further copy saves waiting: /);
});

test('after five idle seconds the most valuable model is loaded on suspicion', () => {
  const models = [
    aModel('a', { lamSlow: [0, 0.0001, 0] }),
    aModel('b', { lamSlow: [0.0001, 0, 0] }),
    aModel('c', { lamSlow: [0.01, 0, 0], blockedUntil: Infinity }),
  ];
  const idleFor = (ms: number) =>
    decided(models, [aGpu([aResident('a', { lastStart: nowMs - seconds(10) - ms })])]);
  assert.deepEqual(idleFor(4_999), nothing);
  const decision = idleFor(5_000);
  assert.partialDeepStrictEqual(decision, { load: 'b', evict: ['a'], reason: 'speculative', soften: false });
  assert.match(decision.kind === 'swap' ? decision.why : '', /worth 10\.0 times what it evicts/);
});

test('nothing is loaded on suspicion for little more than what it evicts, while anything waits, or when off', () => {
  const a = aModel('a', { lamSlow: [0.0001, 0, 0] });
  const b = (rate: number) => aModel('b', { lamSlow: [rate, 0, 0] });
  const gpus = [aGpu([aResident('a')])];
  assert.deepEqual(decided([a, b(0.00015)], gpus), nothing);
  assert.partialDeepStrictEqual(decided([a, b(0.00016)], gpus), { reason: 'speculative' });
  assert.deepEqual(decided([a, b(0.00016)], gpus, { spec: false }), nothing);
  const waiting = aModel('c', { ...queueOf(1, 1, seconds(1)), blockedUntil: 0 });
  assert.partialDeepStrictEqual(decided([{ ...a, lam: [1, 0, 0] }, b(1), waiting], gpus), nothing);
});

test('a resident that the picture does not know as a model is a mistake of the caller', () => {
  assert.throws(() => decided([aModel('b', wanted)], [aGpu([aResident('a')])]), /shows "a" on a GPU/);
});
