import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeMbOf, hostFreeMb } from '../../../src/platform/host-memory.ts';

const meminfo = 'MemTotal:       24000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8388608 kB\n';
const gb = 1024 ** 3;

test('on a machine it is what the kernel calls available', () => {
  assert.equal(freeMbOf({ meminfo, limit: null, used: null }), 8192);
  assert.equal(freeMbOf({ meminfo, limit: 'max', used: String(3 * gb) }), 8192);
});

test('in a container it is what is left below its limit, and never less than nothing', () => {
  assert.equal(freeMbOf({ meminfo, limit: String(4 * gb), used: String(3 * gb) }), 1024);
  assert.equal(freeMbOf({ meminfo, limit: String(4 * gb), used: String(5 * gb) }), 0);
  assert.equal(freeMbOf({ meminfo, limit: String(400 * gb), used: '0' }), 8192);
});

test('where the kernel does not say, nobody knows', async () => {
  assert.equal(freeMbOf({ meminfo: '', limit: null, used: null }), null);
  const here = await hostFreeMb();
  assert.ok(here === null || here > 0);
});
