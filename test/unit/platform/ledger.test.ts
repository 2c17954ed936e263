import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Ledger } from '../../../src/platform/ledger.ts';

test('a ledger tells what is in it, in the order in which it came', () => {
  const ledger = new Ledger<string, { readonly n: number }>();
  for (const n of [3, 1, 2]) ledger.set(`k${n}`, { n });
  ledger.set('k1', { n: 10 });
  ledger.delete('k3');
  ledger.delete('k4');
  assert.deepEqual(
    [...ledger.entries()],
    [
      ['k1', { n: 10 }],
      ['k2', { n: 2 }],
    ],
  );
  assert.deepEqual([ledger.size, ledger.get('k1'), ledger.get('k3')], [2, { n: 10 }, undefined]);
  ledger.clear();
  assert.deepEqual([ledger.size, [...ledger.values()]], [0, []]);
});

test('entries may be removed while it is gone through', () => {
  const ledger = new Ledger<number, { readonly n: number }>();
  for (const n of [1, 2, 3, 4]) ledger.set(n, { n });
  const seen: number[] = [];
  for (const { n } of ledger.values()) {
    seen.push(n);
    ledger.delete(n);
    ledger.delete(n + 2);
  }
  assert.deepEqual([seen, ledger.size], [[1, 2], 0]);
});

/** Bytes that a burst of entries, each with 10 KB that nothing else holds, left for a full collection. */
function leftBy(entries: { set(key: number, value: object): unknown; delete(key: number): unknown }): number {
  setFlagsFromString('--expose-gc');
  // What is allocated as old from the start would hide what became old.
  setFlagsFromString('--no-allocation-site-pretenuring');
  const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void;
  entries.set(-1, {});
  for (let at = 0; at < 6000; at++) {
    entries.set(at, { payload: new Array(1280).fill(at) });
    entries.delete(at - 64);
    if (at < 3 || at % 200 === 0) collect({ type: 'minor' });
  }
  const before = process.memoryUsage().heapUsed;
  collect();
  return before - process.memoryUsage().heapUsed;
}

test('what has left a ledger does not wait for a full collection, as what has left a Map does', () => {
  const [map, ledger] = [leftBy(new Map<number, object>()), leftBy(new Ledger<number, object>())];
  assert.ok(ledger < map / 3, `${ledger} bytes of a ledger, ${map} of a Map`);
});
