import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BootId } from '../../../src/contracts/ids.ts';
import { judgeHealth } from '../../../src/supervisor/health-verdict.ts';

const bootId = 'b1' as BootId;
const onSocket = { bootId, isOwnSocket: true };
const onPort = { bootId, isOwnSocket: false };
const answer = (body: unknown, status = 200) => ({
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

test('a server with our boot id is ready when it says so', () => {
  assert.deepEqual(judgeHealth(answer({ status: 'READY', boot_id: 'b1' }), onPort), { kind: 'ready' });
  assert.deepEqual(judgeHealth(answer({ status: 'BUSY', boot_id: 'b1' }), onPort), { kind: 'ready' });
});

test('a server that loads tells how far it is', () => {
  const body = { status: 'STARTING', boot_id: 'b1', load: { progress: 0.4, phase: 'weights' } };
  assert.deepEqual(judgeHealth(answer(body), onSocket), { kind: 'loading', progress: 0.4, phase: 'weights' });
});

test('a server that has failed tells why', () => {
  const body = { status: 'SETUP_FAILED', boot_id: 'b1', error: 'no checkpoint' };
  assert.deepEqual(judgeHealth(answer(body), onSocket), { kind: 'failed', error: 'no checkpoint' });
});

test('a server that sleeps before anybody put it to sleep has failed', () => {
  const verdict = judgeHealth(answer({ status: 'ASLEEP', boot_id: 'b1' }), onSocket);
  assert.equal(verdict.kind, 'failed');
});

test('a boot id of another start is a stranger, also on our own socket', () => {
  assert.deepEqual(judgeHealth(answer({ status: 'READY', boot_id: 'b0' }), onSocket), { kind: 'stranger' });
});

test('whoever answers on a port without our boot id is a stranger, whatever it says', () => {
  for (const body of [{ status: 'READY' }, { status: 'ok' }, 'OK', ''])
    assert.deepEqual(judgeHealth(answer(body), onPort), { kind: 'stranger' });
});

test('a server without our protocol is believed by its HTTP status on a socket of its own', () => {
  assert.deepEqual(judgeHealth(answer('OK'), onSocket), { kind: 'ready' });
  const loading = { kind: 'loading', progress: null, phase: null };
  assert.deepEqual(judgeHealth(answer({ status: 'loading model' }, 503), onSocket), loading);
});
