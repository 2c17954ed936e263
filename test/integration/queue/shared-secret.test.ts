import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedSecret } from '../../../src/queue/shared-secret.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';

test('the first that asks makes the secret, and a Redis that is full still tells it', async () => {
  await using house = await QueueHouse.open();
  const redis = await house.connected('worker');
  assert.equal(await sharedSecret(redis, 'links', () => 'first'), 'first');
  assert.equal(await sharedSecret(redis, 'links', () => 'second'), 'first');
  await redis.config('SET', 'maxmemory', '1');
  assert.equal(await sharedSecret(redis, 'links', () => 'third'), 'first');
  await assert.rejects(
    sharedSecret(redis, 'artifacts', () => 'fourth'),
    /OOM/,
  );
});
