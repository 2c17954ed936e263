import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import { queueError } from '../../../src/queue/queue-errors.ts';

test('a disk that Redis cannot write to, and a full Redis, are storage_full', () => {
  for (const message of [
    'MISCONF Errors writing to the AOF file: No space left on device',
    "OOM command not allowed when used memory > 'maxmemory'.",
  ]) {
    const refusal = queueError(new Error(message));
    assert.deepEqual([refusal.status, refusal.code, refusal.retryable], [507, 'storage_full', true], message);
  }
});

test('a closed connection and a late answer are queue_unavailable', () => {
  for (const message of [
    "Stream isn't writeable and enableOfflineQueue options is false",
    'Command timed out',
    'connect ECONNREFUSED 127.0.0.1:6379',
    'LOADING Redis is loading the dataset in memory',
    'Reached the max retries per request limit (which is 1).',
  ]) {
    const refusal = queueError(new Error(message));
    assert.deepEqual([refusal.status, refusal.code], [503, 'queue_unavailable'], message);
  }
});

test('a refusal stays what it is, and anything else is a fault of our own', () => {
  const full = errors.queueFull('echo', 5, 10);
  assert.equal(queueError(full), full);
  assert.equal(queueError(new Error('illegal transition')).code, 'internal_error');
});
