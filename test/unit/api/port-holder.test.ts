import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { listenerInodes, portHolder } from '../../../src/api/port-holder.ts';

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0 0 10 0
   1: 0100007F:2328 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 20 4 30 10 -1
   2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000 100 0 0 10 0
`;

test('only sockets that listen on the port count', () => {
  assert.deepEqual(listenerInodes(table, 9000), ['4711']);
  assert.deepEqual(listenerInodes(table, 8080), ['4713']);
  assert.deepEqual(listenerInodes(table, 80), []);
  assert.deepEqual(listenerInodes('', 9000), []);
});

test('the holder of a port is the process that has its socket open', async () => {
  const proc = await mkdtemp(join(tmpdir(), 'rh-proc-'));
  try {
    await mkdir(join(proc, 'net'));
    await writeFile(join(proc, 'net/tcp'), table);
    for (const [pid, inode] of [
      ['12', '1'],
      ['345', '4711'],
    ] as const) {
      await mkdir(join(proc, pid, 'fd'), { recursive: true });
      await symlink(`socket:[${inode}]`, join(proc, pid, 'fd/3'));
      await writeFile(join(proc, pid, 'cmdline'), `node\0server-${pid}.js\0`);
    }
    assert.deepEqual(await portHolder(9000, proc), { pid: 345, command: 'node server-345.js' });
    assert.equal(await portHolder(8080, proc), null);
  } finally {
    await rm(proc, { recursive: true });
  }
});

test('where nothing can be seen, nobody is blamed', async () => {
  assert.equal(await portHolder(9000, '/nonexistent'), null);
});
