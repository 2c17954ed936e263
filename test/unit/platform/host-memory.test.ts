import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeMbOf, hostFreeMb } from '../../../src/platform/host-memory.ts';

const meminfo = 'MemTotal:       24000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8388608 kB\n';
const gb = 1024 ** 3;

test('on a machine it is what the kernel calls available', () => {
  assert.equal(freeMbOf({ meminfo, limit: null, used: null, stat: null }), 8192);
  assert.equal(freeMbOf({ meminfo, limit: 'max', used: String(3 * gb), stat: null }), 8192);
});

test('in a container it is what is left below its limit, and never less than nothing', () => {
  assert.equal(freeMbOf({ meminfo, limit: String(4 * gb), used: String(3 * gb), stat: null }), 1024);
  assert.equal(freeMbOf({ meminfo, limit: String(4 * gb), used: String(5 * gb), stat: null }), 0);
  assert.equal(freeMbOf({ meminfo, limit: String(400 * gb), used: '0', stat: null }), 8192);
});

test('what a container keeps of files in memory is free, too', () => {
  const files = { meminfo, limit: String(4 * gb), used: String(4 * gb) };
  const v2 = `anon ${gb}\ninactive_file ${2 * gb}\nactive_file ${gb}\n`;
  const v1 = `inactive_file 4096\ntotal_inactive_file ${2 * gb}\n`;
  assert.equal(freeMbOf({ ...files, stat: v2 }), 2048);
  assert.equal(freeMbOf({ ...files, stat: v1 }), 2048);
});

test('where the kernel does not say, nobody knows', async () => {
  assert.equal(freeMbOf({ meminfo: '', limit: null, used: null, stat: null }), null);
  const here = await hostFreeMb();
  assert.ok(here === null || here > 0);
});
