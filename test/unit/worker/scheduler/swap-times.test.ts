import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schedulerDefaults } from '../../../../src/config/defaults.ts';
import { sceneOf } from '../../../../src/worker/scheduler/scene.ts';
import { swapTimes } from '../../../../src/worker/scheduler/swap-times.ts';
import { aGpu, aModel, aResident, nowMs, seconds } from './a-picture.ts';

test('victims drain side by side, so the slowest counts, and unload one after the other', () => {
  const models = [aModel('slow', { svc: seconds(100) }), aModel('quick'), aModel('next')];
  const running = { inflight: 1, youngestStart: nowMs - seconds(4) };
  const residents = [aResident('slow', running), aResident('quick', running)];
  const picture = { models: new Map(models.map((each) => [each.id, each])), gpus: [aGpu(residents)] };
  const times = swapTimes(sceneOf(nowMs, picture, schedulerDefaults), aModel('next'), residents, seconds(65));
  assert.deepEqual(times, { startMs: seconds(96 + 5 + 5 + 60), roundTripMs: seconds(65 + 65 + 65) });
});
