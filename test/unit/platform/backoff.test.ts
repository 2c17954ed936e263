import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffDelayMs } from '../../../src/platform/backoff.ts';
import { fc } from '../../helpers/properties.ts';

const policy = { baseMs: 100, factor: 2, capMs: 1000, jitter: 0.2 };
const middle = (): number => 0.5;

test('a delay grows with each attempt up to the cap', () => {
  const delays = [1, 2, 3, 4, 5, 6].map((attempt) => backoffDelayMs(attempt, policy, middle));
  assert.deepEqual(delays, [100, 200, 400, 800, 1000, 1000]);
});

test('chance moves a delay by its share to both sides, and no further', () => {
  assert.equal(
    backoffDelayMs(1, policy, () => 0),
    80,
  );
  assert.equal(
    backoffDelayMs(1, policy, () => 1),
    120,
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (attempt, chance) => {
        const delay = backoffDelayMs(attempt, policy, () => chance);
        assert.ok(delay >= 80 && delay <= 1200, `${delay}`);
      },
    ),
  );
});
