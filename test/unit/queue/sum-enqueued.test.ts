import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epochBaseMs } from '../../../src/queue/keys.ts';
import { sumEnqueued } from '../../../src/queue/snapshot.ts';

const at = (offset: number) => epochBaseMs + offset;

test('the sum over waiting jobs is exact while records and lane agree', () => {
  assert.equal(sumEnqueued([2, String(at(10)), '40', '2', '5'], at(100)), at(10) + at(30));
});

test('a job that is counted in the records but not in the lane yet counts with the mean', () => {
  assert.equal(sumEnqueued([1, String(at(10)), '40', '2', '5'], at(100)), at(20));
});

test('an empty lane has waited for nothing', () => {
  assert.equal(sumEnqueued([0, '-1', '40', '1', '5'], at(100)), 0);
});

test('a lane without records counts from its oldest job, or from now', () => {
  assert.equal(sumEnqueued([1, String(at(10)), '0', '0', '5'], at(100)), at(10));
  assert.equal(sumEnqueued([1, '-1', '0', '0', '5'], at(100)), at(100));
});
