import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterFailedLoad } from '../../../../src/worker/scheduler/load-policy.ts';

const nowMs = 1_800_000_000_000;

test('a first failed load is tried again after a second, and nobody hears of it', () => {
  assert.deepEqual(afterFailedLoad(1, nowMs), {
    blockedUntilMs: nowMs + 1_000,
    failSync: false,
    quarantined: false,
  });
});

test('after a second failure the calls that wait are told, and it rests for half a minute', () => {
  assert.deepEqual(afterFailedLoad(2, nowMs), {
    blockedUntilMs: nowMs + 30_000,
    failSync: true,
    quarantined: false,
  });
});

test('from the third failure on the model is in quarantine', () => {
  for (const failures of [3, 4, 50])
    assert.partialDeepStrictEqual(afterFailedLoad(failures, nowMs), { failSync: true, quarantined: true });
});

test('the pause doubles up to ten minutes', () => {
  const pauses = [2, 3, 4, 5, 6, 7, 2000].map((each) => afterFailedLoad(each, 0).blockedUntilMs / 1000);
  assert.deepEqual(pauses, [30, 60, 120, 240, 480, 600, 600]);
});
