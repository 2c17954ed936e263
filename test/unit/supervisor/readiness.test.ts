import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BootId } from '../../../src/contracts/ids.ts';
import type { ServiceEvent } from '../../../src/contracts/service-protocol.ts';
import type { HealthAnswer } from '../../../src/supervisor/health-verdict.ts';
import { untilReady } from '../../../src/supervisor/readiness.ts';
import { StartSigns } from '../../../src/supervisor/start-signs.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

const deadlines = { loadStallMs: 10_000, loadTotalMs: 60_000 };
const health = (status: string, bootId = 'b1'): HealthAnswer => ({
  status: 200,
  body: JSON.stringify({ status, boot_id: bootId }),
});
const event = (facts: object) => facts as ServiceEvent;

/** A start whose health a test sets by hand. */
function watch(first: HealthAnswer | null = null, isOwnSocket = true) {
  const clock = new FakeClock();
  const signs = new StartSigns(() => clock.monotonicMs());
  const stop = new AbortController();
  const world = { health: first, probes: [] as number[], hangs: false };
  const probe = (): Promise<HealthAnswer | null> => {
    world.probes.push(clock.monotonicMs());
    return world.hangs ? new Promise(() => {}) : Promise.resolve(world.health);
  };
  const verdict = untilReady({
    signs,
    bootId: 'b1' as BootId,
    isOwnSocket,
    deadlines,
    clock,
    probe,
    onLoading: () => {},
    signal: stop.signal,
  });
  return { clock, signs, stop, world, verdict };
}

test('an event is acted upon without waiting for the next poll', async () => {
  const { clock, signs, world, verdict } = watch(health('STARTING'));
  await clock.advance(5_000);
  world.health = health('READY');
  signs.sawEvent(event({ type: 'state', status: 'READY', boot_id: 'b1' }));
  assert.deepEqual(await verdict, { kind: 'ready' });
  assert.equal(clock.monotonicMs(), 5_000);
});

test('READY by event is not believed until health confirms it', async () => {
  const { clock, signs, world, verdict } = watch(health('STARTING'));
  signs.sawEvent(event({ type: 'state', status: 'READY', boot_id: 'b1' }));
  await clock.advance(2_000);
  world.health = health('READY');
  await clock.advance(1_000);
  assert.deepEqual(await verdict, { kind: 'ready' });
});

test('without events health is polled, at first quickly and then every second', async () => {
  const { clock, world, stop, verdict } = watch();
  await clock.advance(5_000);
  stop.abort();
  await verdict;
  assert.deepEqual(world.probes.slice(0, 6), [0, 250, 750, 1_750, 2_750, 3_750]);
});

test('silence ends a load at the stall deadline', async () => {
  const { clock, verdict } = watch(health('STARTING'));
  await clock.advance(9_999);
  await clock.advance(1);
  assert.deepEqual(await verdict, {
    kind: 'failed',
    reason: 'it showed no sign of life for 10 s while loading',
  });
  assert.equal(clock.monotonicMs(), 10_000);
});

test('output and progress put the stall deadline off; the same progress again does not', async () => {
  const { clock, signs, verdict } = watch(health('STARTING'));
  await clock.advance(8_000);
  signs.sawOutput();
  await clock.advance(8_000);
  signs.sawProgress(0.5, 'weights');
  await clock.advance(8_000);
  signs.sawProgress(0.5, 'weights');
  await clock.advance(2_000);
  assert.deepEqual(await verdict, {
    kind: 'failed',
    reason: 'it showed no sign of life for 10 s while loading (weights, 50 %)',
  });
});

test('the total deadline ends a load that shows life all the time', async () => {
  const { clock, signs, verdict } = watch(health('STARTING'));
  for (let second = 0; second < 60; second += 5) {
    await clock.advance(5_000);
    signs.sawOutput();
  }
  assert.deepEqual(await verdict, { kind: 'failed', reason: 'it was not ready after 60 s' });
});

test('a probe that hangs holds up neither deadlines nor events', async () => {
  const { clock, signs, world, verdict } = watch();
  world.hangs = true;
  await clock.advance(9_000);
  assert.ok(world.probes.length > 1);
  world.hangs = false;
  world.health = health('READY');
  signs.sawEvent(event({ type: 'state', status: 'READY', boot_id: 'b1' }));
  assert.deepEqual(await verdict, { kind: 'ready' });
});

test('the end of the process ends the wait at once, and exit code 0 is a failure, too', async () => {
  const { clock, signs, verdict } = watch();
  await clock.advance(300);
  signs.sawExit({ code: 0, signal: null });
  assert.deepEqual(await verdict, {
    kind: 'failed',
    reason: 'it exited with code 0 before it was ready',
  });
});

test('SETUP_FAILED is passed on with its reason', async () => {
  const { clock, signs, verdict } = watch();
  await clock.advance(300);
  signs.sawEvent(event({ type: 'state', status: 'SETUP_FAILED', error: 'no checkpoint' }));
  assert.deepEqual(await verdict, { kind: 'failed', reason: 'no checkpoint' });
});

test('a stranger that answers is never ready, and the reason names it', async () => {
  const { clock, verdict } = watch({ status: 200, body: 'OK' }, false);
  await clock.advance(10_000);
  const outcome = await verdict;
  assert.match(outcome.kind === 'failed' ? outcome.reason : '', /another program answers at its address/);
});

test('a load that is called off ends at once', async () => {
  const { clock, stop, verdict } = watch();
  await clock.advance(300);
  stop.abort();
  assert.deepEqual(await verdict, { kind: 'failed', reason: 'the load was called off' });
});
