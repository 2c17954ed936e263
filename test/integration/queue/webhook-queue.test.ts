import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobId } from '../../../src/contracts/ids.ts';
import { type Delivery, RedisWebhookQueue } from '../../../src/queue/webhook-queue.ts';
import { aJob, model } from '../../helpers/jobs.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';

const roomy = { queueCap: 1000, retryAfterS: 5 };
const result = { output: { text: 'hi' }, files: [], usage: null };
const timing = { attempts: 3, firstDelayMs: 10, lockDurationMs: 30_000 };
const hook = (events: string[] = []) => ({ url: 'https://example.org/hook', events });

async function queueOf(house: QueueHouse): Promise<RedisWebhookQueue> {
  const redis = await house.connected('worker');
  const queue = new RedisWebhookQueue({ redis, clock: house.clock, emit: house.emit, timing });
  house.onClose(() => queue.stop(AbortSignal.timeout(1000)));
  return queue;
}

test('a job that ends is delivered once, with the record as it ended', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker();
  const job = aJob({ webhook: hook() });
  await store.submit(job, roomy);
  await (await lanes.claim(model('echo'), 'normal'))?.settle({ kind: 'completed', result });
  const queue = await queueOf(house);
  const delivery = await new Promise<Delivery>((resolve, reject) => {
    queue
      .start(async (due) => {
        await due.report({ status: 'delivered', error: null });
        resolve(due);
      })
      .catch(reject);
  });
  assert.equal(delivery.eventId, job.id.replace('job_', 'evt_'));
  assert.deepEqual([delivery.jobId, delivery.attempt, delivery.lastAttempt], [job.id, 1, false]);
  assert.deepEqual([delivery.record?.status, delivery.record?.output], ['completed', result.output]);
  const record = await store.find(job.id);
  assert.ok(record && record !== 'expired');
  assert.deepEqual([record.webhook?.status, record.webhook?.attempts], ['delivered', 1]);
  while ((await redis.zcard('{roundhouse}:outbox')) > 0) await lanes.waitForWork(5);
});

test('a delivery that fails is tried again under the same id until its attempts are used up', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const queue = await queueOf(house);
  const tries: Delivery[] = [];
  const allTries = new Promise<void>((resolve) => {
    void queue.start(async (due) => {
      tries.push(due);
      await due.report({ status: due.lastAttempt ? 'failed' : 'pending', error: 'status 500' });
      if (due.lastAttempt) resolve();
      throw new Error('status 500');
    });
  });
  const job = aJob({ webhook: hook(['job.cancelled']) });
  await store.submit(job, roomy);
  await store.cancel(job.id, 'asked');
  await allTries;
  assert.deepEqual(
    tries.map(({ attempt, lastAttempt }) => [attempt, lastAttempt]),
    [
      [1, false],
      [2, false],
      [3, true],
    ],
  );
  assert.equal(new Set(tries.map(({ eventId }) => eventId)).size, 1);
  const record = await store.find(job.id);
  assert.ok(record && record !== 'expired');
  assert.deepEqual(record.webhook, {
    ...hook(['job.cancelled']),
    status: 'failed',
    attempts: 3,
    lastError: 'status 500',
  });
});

test('a job owes no webhook for an event that its client did not ask for', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker();
  const jobs = [aJob({ webhook: hook(['job.failed']) }), aJob()];
  for (const job of jobs) {
    await store.submit(job, roomy);
    await (await lanes.claim(model('echo'), 'normal'))?.settle({ kind: 'completed', result });
  }
  assert.equal(await redis.zcard('{roundhouse}:outbox'), 0);
});

test('deliveries that were owed when everything stopped are made after the next start', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const jobs = [aJob({ webhook: hook() }), aJob({ webhook: hook() })];
  for (const job of jobs) {
    await store.submit(job, roomy);
    await (await lanes.claim(model('echo'), 'normal'))?.settle({ kind: 'completed', result });
  }
  const first = await queueOf(house);
  await new Promise<void>((resolve) => {
    void first.start(async () => {
      resolve();
      throw new Error('the receiver is down');
    });
  });
  await first.stop(AbortSignal.timeout(1000));
  await house.redis.kill();
  await house.redis.up();
  const second = await queueOf(house);
  const delivered = new Set<JobId>();
  await new Promise<void>((resolve) => {
    void second.start(async ({ jobId }) => {
      if (delivered.add(jobId).size === jobs.length) resolve();
    });
  });
  assert.deepEqual([...delivered].toSorted(), jobs.map(({ id }) => id).toSorted());
});
