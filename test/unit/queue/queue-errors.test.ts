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

test('a closed connection and a late answer are queue_unavailable, in words that need no knowledge of the client', () => {
  for (const [message, words] of [
    ["Stream isn't writeable and enableOfflineQueue options is false", 'there is no connection to Redis'],
    ['connect ECONNREFUSED 127.0.0.1:6379', 'there is no connection to Redis'],
    ['connect ENOENT /run/redis.sock', 'there is no connection to Redis'],
    ['Reached the max retries per request limit (which is 1).', 'there is no connection to Redis'],
    ['Command timed out', 'Redis does not answer'],
    ['LOADING Redis is loading the dataset in memory', 'Redis is still reading its data'],
    ["READONLY You can't write against a read only replica.", 'this Redis takes no writes now'],
    ['WRONGPASS invalid username-password pair', 'Redis refuses the password in REDIS_URL'],
  ] as const) {
    const refusal = queueError(new Error(message));
    assert.deepEqual([refusal.status, refusal.code], [503, 'queue_unavailable'], message);
    assert.match(refusal.message, new RegExp(`^The queue cannot be reached \\(${words}\\)\\. `));
  }
});

test('a refusal stays what it is, and anything else is a fault of our own', () => {
  const full = errors.queueFull('echo', 5, 10);
  assert.equal(queueError(full), full);
  assert.equal(queueError(new Error('illegal transition')).code, 'internal_error');
});
