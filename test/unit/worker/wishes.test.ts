import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelId } from '../../../src/contracts/ids.ts';
import type { ModelSpec } from '../../../src/contracts/model.ts';
import type { ResidentPicture } from '../../../src/worker/scheduler/types.ts';
import { planWish } from '../../../src/worker/wishes.ts';
import { aModelSpec } from '../../fakes/a-registry.ts';
import { model } from '../../helpers/jobs.ts';

const asked = { reason: 'operator', why: 'an operator asked for it' };
const specs = (...all: ModelSpec[]) => new Map(all.map((spec) => [spec.id, spec]));
const three = specs(...['a', 'b', 'c'].map((id) => aModelSpec(id, { vramMb: 40 })));

const resident = (id: string, lastStart: number, pinned = false): ResidentPicture => ({
  ...{ id: model(id), state: 'ready', readyAt: 0, inflight: 0, youngestStart: 0, lastStart, pinned },
  softSince: null,
});

const isAsleep = (id: ModelId) => id === model('sleeper');

const load = (id: string, residents: readonly ResidentPicture[], vramMb = 0) =>
  planWish({ type: 'load', model: model(id) }, { residents, isAsleep, specs: three, vramMb });

test('a load where one fits at a time evicts who is there', () => {
  assert.deepEqual(load('b', [resident('a', 0)]), { load: 'b', evict: ['a'], ...asked });
});

test('a load evicts the longest idle, and no more than must go', () => {
  const residents = [resident('a', 20), resident('b', 10)];
  assert.deepEqual(load('c', residents, 100), { load: 'c', evict: ['b'], ...asked });
  assert.deepEqual(load('c', residents, 120), { load: 'c', evict: [], ...asked });
});

test('a load that is pinned out, known to nobody, or fulfilled, is nothing to do', () => {
  assert.equal(load('b', [resident('a', 0, true)]), null);
  assert.equal(load('c', [resident('a', 0, true), resident('b', 0, true)], 100), null);
  assert.equal(load('a', [resident('a', 0)]), null);
  assert.equal(load('z', []), null);
});

test('a load of what is larger than the memory is nothing to do', () => {
  assert.equal(load('a', [], 30), null);
});

test('an unload evicts a resident, also a pinned one, and loads nothing', () => {
  const unload = (residents: readonly ResidentPicture[]) =>
    planWish({ type: 'unload', model: model('a') }, { residents, isAsleep, specs: three, vramMb: 0 });
  assert.deepEqual(unload([resident('a', 0, true)]), { load: null, evict: ['a'], ...asked });
  assert.equal(unload([resident('b', 0)]), null);
});

test('an unload also ends what sleeps', () => {
  const facts = { residents: [resident('b', 0)], isAsleep, specs: three, vramMb: 0 };
  const plan = planWish({ type: 'unload', model: model('sleeper') }, facts);
  assert.deepEqual(plan, { load: null, evict: ['sleeper'], ...asked });
});
