import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { prefix } from '../../src/queue/keys.ts';
import { aJob, model } from '../helpers/jobs.ts';
import { QueueHouse } from '../helpers/queue-house.ts';

/**
 * Accepting, claiming and settling are scripts of our own, in one step with the job's record. What they leave in Redis
 * is held to BullMQ's own classes here, so that a new version with another layout is noticed at once.
 */
const lane = 'm.echo.normal';
const roomy = { queueCap: 1000, retryAfterS: 5 };
const result = { output: { text: 'hi' }, files: [], usage: null };

const queueOn = (connection: Redis) => new Queue(lane, { connection, prefix });

test('an accepted job is a waiting job of a BullMQ queue, a claimed one is active and locked', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker();
  const queue = queueOn(redis);
  const [first, second] = [aJob(), aJob()];
  for (const job of [first, second]) await store.submit(job, roomy);
  const waiting = await queue.getWaiting();
  assert.deepEqual(waiting.map(({ id }) => id).sort(), [first.id, second.id].sort());
  assert.equal(waiting.find(({ id }) => id === first.id)?.timestamp, first.createdAtMs);
  await lanes.claim(model('echo'), 'normal');
  assert.deepEqual(
    (await queue.getActive()).map(({ id }) => id),
    [first.id],
  );
  assert.equal(await queue.getJobState(first.id), 'active');
  const taken = await queue.getJob(first.id);
  await assert.rejects(async () => taken?.remove(), /locked/i);
});

test("a settled job leaves nothing in its lane that BullMQ's queue would count", async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker();
  const queue = queueOn(redis);
  for (const outcome of [{ kind: 'completed', result }, { kind: 'cancelled' }] as const) {
    await store.submit(aJob(), roomy);
    const claim = await lanes.claim(model('echo'), 'normal');
    await claim?.settle(outcome);
  }
  const counts = await queue.getJobCounts();
  assert.deepEqual(
    Object.values(counts).filter((count) => count > 0),
    [],
  );
});

test("a job that is given back is the next one of BullMQ's queue", async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker();
  const [first, second] = [aJob(), aJob()];
  for (const job of [first, second]) await store.submit(job, roomy);
  const claim = await lanes.claim(model('echo'), 'normal');
  await claim?.settle({ kind: 'snooze' });
  const worker = new Worker(lane, null, { connection: redis, prefix, autorun: false });
  const next = await worker.getNextJob('stranger:1', { block: false });
  assert.equal(next?.id, first.id);
  await worker.close(true);
});

test('a stock BullMQ worker can take an accepted job and complete it', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const redis = await house.connected('worker');
  const job = aJob();
  await store.submit(job, roomy);
  const worker = new Worker(lane, null, { connection: redis, prefix, autorun: false });
  const taken = await worker.getNextJob('stranger:1', { block: false });
  assert.equal(taken?.id, job.id);
  await taken?.moveToCompleted('done', 'stranger:1', false);
  assert.equal(await queueOn(redis).getJobState(job.id), 'completed');
  await worker.close(true);
});
