import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asModelId } from '../../../src/contracts/ids.ts';
import { VramGate } from '../../../src/supervisor/vram-gate.ts';
import { EventRecorder } from '../../helpers/event-recorder.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

const big = asModelId('big');
const never = new AbortController().signal;

function gateWith(freeMb: number | null, swept: readonly number[] = []) {
  const clock = new FakeClock();
  const events = new EventRecorder();
  const world = { freeMb, sweeps: 0, readable: Promise.resolve() };
  const gate = new VramGate({
    probe: {
      memory: async () => {
        await world.readable;
        return world.freeMb === null ? null : { freeMb: world.freeMb, usedMb: 0, totalMb: 24_000 };
      },
      holders: async () => ['train.py (pid 7, 20000 MB)'],
    },
    clock,
    emit: (event) => events.add(event),
    endSleepers: async () => 0,
    sweepLeftovers: async () => {
      world.sweeps += 1;
      return swept;
    },
  });
  return { clock, events, world, gate };
}

test('without a GPU, or without a need, everything passes at once', async () => {
  await gateWith(null).gate.waitForRoom(big, 20_000, never);
  await gateWith(0).gate.waitForRoom(big, 0, never);
});

test('no memory is taken while what another took is being read', async () => {
  const { world, gate } = gateWith(4_000);
  const reading = Promise.withResolvers<void>();
  world.readable = reading.promise;
  const taken = gate.takenSince(24_000);
  let hasPassed = false;
  const passing = gate.waitForRoom(big, 0, never).then(() => {
    hasPassed = true;
  });
  await new Promise(setImmediate);
  assert.equal(hasPassed, false);
  reading.resolve();
  await passing;
  assert.equal(await taken, 20_000);
});

test('memory on its way back is waited for, told once', async () => {
  const { clock, events, world, gate } = gateWith(4_000);
  const passed = gate.waitForRoom(big, 20_000, never);
  await clock.advance(3_000);
  world.freeMb = 23_000;
  await clock.advance(250);
  await passed;
  assert.equal(world.sweeps, 0);
  assert.deepEqual(
    events.all.map(({ type, freeMb }) => ({ type, freeMb })),
    [{ type: 'vram.waiting', freeMb: 4_000 }],
  );
});

test('after 15 s leftovers of ours are ended; without any, the load fails and names the holders', async () => {
  const { clock, events, world, gate } = gateWith(4_000);
  const refused = assert.rejects(
    gate.waitForRoom(big, 20_000, never),
    /needs 20000 MB of GPU memory and 4000 MB are free. The rest is held by train.py \(pid 7, 20000 MB\)/,
  );
  await clock.advance(14_999);
  assert.equal(world.sweeps, 0);
  await clock.advance(251);
  await refused;
  assert.equal(world.sweeps, 1);
  assert.equal(events.of('vram.gave-up').length, 1);
});

test('after leftovers were ended, their memory is waited for', async () => {
  const { clock, world, gate } = gateWith(4_000, [42]);
  const passed = gate.waitForRoom(big, 20_000, never);
  await clock.advance(16_000);
  assert.equal(world.sweeps, 1);
  world.freeMb = 24_000;
  await clock.advance(250);
  await passed;
});

test('an unload is over when three quarters of what the model held are back', async () => {
  const { clock, world, gate } = gateWith(4_000);
  let isBack = false;
  const back = gate.waitUntilBack(big, { mb: 16_000, freeBeforeMb: 4_000 }).then(() => {
    isBack = true;
  });
  world.freeMb = 15_000;
  await clock.advance(1_000);
  assert.equal(isBack, false);
  world.freeMb = 16_000;
  await clock.advance(250);
  await back;
});

test('an unload whose memory does not come back ends all the same, and says so', async () => {
  const { clock, events, gate } = gateWith(4_000);
  const back = gate.waitUntilBack(big, { mb: 16_000, freeBeforeMb: 4_000 });
  await clock.advance(15_250);
  await back;
  assert.equal(events.of('vram.gave-up').length, 1);
});
