import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SilenceWatch } from '../../../src/worker/silence-watch.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

function aWatch(firstMs: number | null = 100, totalMs = 10_000) {
  const clock = new FakeClock();
  const told: string[] = [];
  const watch = new SilenceWatch(clock, { firstMs, betweenMs: 50 }, totalMs, (overrun) => told.push(overrun));
  return { clock, told, watch };
}

test('without a sign it ends when the first one is overdue, and says for how long it was silent', async () => {
  const { clock, told, watch } = aWatch();
  await clock.advance(99);
  assert.deepEqual(told, []);
  await clock.advance(1);
  assert.deepEqual(told, ['no first token']);
  assert.deepEqual([watch.overrun, watch.silentMs], ['no first token', 100]);
});

test('after the first sign the shorter limit holds, from the last sign on', async () => {
  const { clock, watch } = aWatch();
  await clock.advance(90);
  for (let at = 0; at < 5; at++) {
    watch.sign();
    await clock.advance(49);
  }
  assert.equal(watch.overrun, null);
  await clock.advance(1);
  assert.equal(watch.overrun, 'no further token');
});

test('signs do not lengthen the whole run', async () => {
  const { clock, watch } = aWatch(100, 1000);
  for (let at = 0; at < 40; at++) {
    watch.sign();
    await clock.advance(25);
  }
  assert.equal(watch.overrun, 'the execution limit');
});

test('where no sign is to be expected only the whole run counts, until there is one', async () => {
  const { clock, watch } = aWatch(null);
  await clock.advance(9000);
  assert.equal(watch.overrun, null);
  watch.sign();
  await clock.advance(50);
  assert.equal(watch.overrun, 'no further token');
});

test('once stopped it never fires, and leaves no timer', async () => {
  const { clock, told, watch } = aWatch();
  watch.sign();
  watch.stop();
  watch.sign();
  assert.equal(clock.pending, 0);
  await clock.advance(20_000);
  assert.deepEqual(told, []);
});

test('once it has fired no timer is left', async () => {
  const { clock } = aWatch();
  await clock.advance(100);
  assert.equal(clock.pending, 0);
});
