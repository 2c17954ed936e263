import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../src/platform/clock.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

for (const [name, clock] of [
  ['the system clock', systemClock],
  ['a fake clock', new FakeClock()],
] as const) {
  test(`${name} ends a sleep early when its signal aborts, without an error`, async () => {
    const stop = new AbortController();
    const sleep = clock.sleep(3_600_000, stop.signal);
    stop.abort(new Error('enough'));
    await sleep;
    await clock.sleep(3_600_000, stop.signal);
  });

  test(`${name} does not run what was cancelled`, async () => {
    const cancel = clock.after(0, () => assert.fail('it ran'));
    cancel();
    if (clock instanceof FakeClock) await clock.advance(1);
    else await clock.sleep(5);
  });
}

test('a sleep longer than a timer of Node can be is not over at once', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let isOver = false;
  const month = 30 * 86_400_000;
  void systemClock.sleep(month).then(() => {
    isOver = true;
  });
  context.mock.timers.tick(2 ** 31 - 1);
  await Promise.resolve();
  assert.equal(isOver, false);
  context.mock.timers.tick(month - (2 ** 31 - 1));
  await Promise.resolve();
  assert.equal(isOver, true);
});

test('a timer of the system clock does not keep the process alive', () => {
  systemClock.after(3_600_000, () => {});
  // This file would not end.
});

test('a fake clock runs timers in the order they are due, and those they start', async () => {
  const clock = new FakeClock(1000);
  const seen: string[] = [];
  clock.after(30, () => seen.push(`c at ${clock.now()}`));
  clock.after(10, () => {
    seen.push(`a at ${clock.now()}`);
    clock.after(10, () => seen.push(`b at ${clock.now()}`));
  });
  await clock.advance(29);
  assert.deepEqual(seen, ['a at 1010', 'b at 1020']);
  await clock.advance(1);
  assert.deepEqual(seen.at(-1), 'c at 1030');
  assert.equal(clock.monotonicMs(), 30);
  assert.equal(clock.pending, 0);
});

test('a fake clock tells when a sleep is reached', async () => {
  const clock = new FakeClock();
  const reached = clock.whenPending(2);
  const sleeps = [clock.sleep(5), clock.sleep(7)];
  await reached;
  await clock.advance(7);
  await Promise.all(sleeps);
});
