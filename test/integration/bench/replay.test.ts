import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figuresOf } from '../../../bench/replay/figures.ts';
import { replay } from '../../../bench/replay/replay.ts';
import { openTrace } from '../../../bench/traces/generate.ts';

const factor = 200;
const untilMs = 25 * 60_000;

/** A pause of the machine for a second is three minutes of the trace, in which the house goes other ways. */
const tries = 3;

test('the worker swaps as often as the simulated house, and neither loses a job nor runs one twice', async () => {
  const day = openTrace('mixed3', 1);
  const morning = { ...day, jobs: day.jobs.filter(({ tMs }) => tMs < untilMs) };
  const swaps: number[] = [];
  for (let at = 0; at < tries; at++) {
    const replayed = await replay(morning, factor);
    const { simulated, replayed: measured, lost, doubled } = figuresOf(replayed, factor);
    assert.deepEqual(replayed.problems, []);
    assert.deepEqual(
      { lost, doubled, jobs: measured.jobs },
      { lost: 0, doubled: 0, jobs: morning.jobs.length },
    );
    swaps.push(measured.swaps);
    if (Math.abs(measured.swaps - simulated.swaps) <= Math.max(2, 0.15 * simulated.swaps)) return;
  }
  assert.fail(`${swaps.join(', ')} swaps in ${tries} tries, too far from the simulated ones`);
});
