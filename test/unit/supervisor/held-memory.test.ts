import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldMemoryMeter, nothingHeld } from '../../../src/supervisor/held-memory.ts';

function meterOn(freeMb: number | null) {
  const other = Promise.withResolvers<void>();
  const reads: string[] = [];
  const gate = {
    freeMb: async () => {
      reads.push('free');
      return freeMb;
    },
    takenSince: async (freeBeforeMb: number | null) => (freeBeforeMb ?? 0) - (freeMb ?? 0),
    untilMeasured: () => other.promise,
  };
  return { meter: new HeldMemoryMeter(gate), reads, otherIsMeasured: () => other.resolve() };
}

test('what is free beside a server is read when no other one is being measured', async () => {
  const { meter, reads, otherIsMeasured } = meterOn(4_000);
  meter.measure(24_000);
  const held = meter.now();
  await new Promise(setImmediate);
  assert.deepEqual(reads, []);
  otherIsMeasured();
  assert.deepEqual(await held, { mb: 20_000, freeBeforeMb: 4_000 });
});

test('without a GPU nothing is held', async () => {
  const { meter, otherIsMeasured } = meterOn(null);
  meter.measure(null);
  otherIsMeasured();
  assert.deepEqual(await meter.now(), nothingHeld);
});
