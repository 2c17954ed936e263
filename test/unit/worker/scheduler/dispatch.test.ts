import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asModelId } from '../../../../src/contracts/ids.ts';
import type { LaneCounts } from '../../../../src/worker/ports.ts';
import { nextClass } from '../../../../src/worker/scheduler/dispatch.ts';

const targets = [30_000, 300_000, 3_600_000] as const;
const lane = (over: Partial<LaneCounts>): LaneCounts => ({
  model: asModelId('a'),
  waiting: [0, 0, 0],
  oldest: [-1, -1, -1],
  sumEnqueued: [0, 0, 0],
  accepted: [0, 0, 0],
  paused: false,
  ...over,
});

test('an empty lane starts nothing', () => {
  assert.equal(nextClass(lane({}), targets), null);
});

test('an interactive job overtakes a normal one that came a little earlier', () => {
  assert.equal(nextClass(lane({ waiting: [1, 1, 1], oldest: [200_000, 1_000, 0] }), targets), 0);
});

test('a normal job that waited 270 s longer than an interactive one starts first', () => {
  assert.equal(nextClass(lane({ waiting: [1, 1, 0], oldest: [271_001, 1_000, -1] }), targets), 1);
});

test('a batch job starts at last, too', () => {
  assert.equal(nextClass(lane({ waiting: [9, 9, 1], oldest: [4_000_000, 4_000_000, 1_000] }), targets), 2);
});

test('of equally due classes the most urgent starts', () => {
  assert.equal(nextClass(lane({ waiting: [1, 1, 0], oldest: [271_000, 1_000, -1] }), targets), 0);
});

test('a paused lane starts nothing', () => {
  assert.equal(nextClass(lane({ waiting: [1, 0, 0], oldest: [1, -1, -1], paused: true }), targets), null);
});
