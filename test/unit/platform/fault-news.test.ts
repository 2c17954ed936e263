import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaultNews } from '../../../src/platform/fault-news.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

const fault = (message: string, where = 'webhook queue') =>
  ({ type: 'system.fault', where, message }) as const;

test('a fault is told again only after a minute, another one at once', async () => {
  const clock = new FakeClock();
  const faults = new FaultNews(clock);
  assert.equal(faults.isNews(fault('disk full')), true);
  await clock.advance(59_999);
  assert.equal(faults.isNews(fault('disk full')), false);
  assert.equal(faults.isNews(fault('disk full', 'lanes')), true);
  assert.equal(faults.isNews(fault('memory full')), true);
  await clock.advance(1);
  assert.equal(faults.isNews(fault('disk full')), true);
});

test('faults of ever new words are not remembered for ever', () => {
  const faults = new FaultNews(new FakeClock());
  faults.isNews(fault('first'));
  for (let at = 0; at < 200; at++) faults.isNews(fault(`job ${at}`));
  assert.equal(faults.isNews(fault('first')), true);
  assert.equal(faults.isNews(fault('job 199')), false);
});
