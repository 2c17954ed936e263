import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Mailbox } from '../../../src/platform/mailbox.ts';

test('work is done one after the other, in the order it came', async () => {
  const mailbox = new Mailbox();
  const seen: string[] = [];
  const work = (name: string) => async () => {
    seen.push(`${name} begins`);
    await turn();
    seen.push(`${name} ends`);
    return name;
  };
  assert.deepEqual(await Promise.all([mailbox.run(work('a')), mailbox.run(work('b'))]), ['a', 'b']);
  assert.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends']);
});

test('work that fails is told to who asked, and the next goes on', async () => {
  const mailbox = new Mailbox();
  const failing = mailbox.run(() => {
    throw new Error('no');
  });
  const next = mailbox.run(() => 'yes');
  await assert.rejects(failing, /no/);
  assert.equal(await next, 'yes');
});

test('it is idle when all is done, also what failed', async () => {
  const mailbox = new Mailbox();
  let isDone = false;
  mailbox.run(() => Promise.reject(new Error('no'))).catch(() => {});
  void mailbox.run(async () => {
    await turn();
    isDone = true;
  });
  await mailbox.idle();
  assert.equal(isDone, true);
});
