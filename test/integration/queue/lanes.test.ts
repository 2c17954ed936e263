import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import type { Claim } from '../../../src/queue/claim.ts';
import { aJob, model } from '../../helpers/jobs.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';

const roomy = { queueCap: 1000, retryAfterS: 5 };
const result = { output: { text: 'hi' }, files: [], usage: { total_tokens: 3 } };

function claimed(claim: Claim | null): Claim {
  assert.ok(claim, 'there was nothing to claim');
  return claim;
}

test('jobs of a lane are claimed in the order in which they were accepted', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const jobs = [aJob(), aJob(), aJob()];
  for (const job of jobs) await store.submit(job, roomy);
  const order: string[] = [];
  for (let at = 0; at < 3; at++) order.push(claimed(await lanes.claim(model('echo'), 'normal')).record.id);
  assert.deepEqual(
    order,
    jobs.map(({ id }) => id),
  );
  assert.equal(await lanes.claim(model('echo'), 'normal'), null);
});

test('a settled job shows its result, and its lane forgets it', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker();
  const job = aJob({ metadata: { a: 'b' } });
  await store.submit(job, roomy);
  const claim = claimed(await lanes.claim(model('echo'), 'normal'));
  assert.equal(claim.body, job.body);
  assert.equal(claim.attempt, 1);
  assert.equal(await claim.settle({ kind: 'completed', result }), 'completed');
  const record = await store.find(job.id);
  assert.ok(record && record !== 'expired');
  assert.deepEqual([record.status, record.output, record.usage], ['completed', result.output, result.usage]);
  assert.deepEqual([record.attempts, record.worker, record.metadata], [1, 'w1', { a: 'b' }]);
  assert.ok(record.startedAtMs && record.completedAtMs);
  await lanes.stop(AbortSignal.timeout(2000));
  assert.deepEqual(await redis.keys(`{roundhouse}:m.echo.normal:${job.id}*`), []);
});

test('an infrastructure fault is retried once, then the job fails with its error', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const job = aJob();
  await store.submit(job, roomy);
  const error = errors.modelCrashed('echo', 'signal 9').toBody();
  const first = claimed(await lanes.claim(model('echo'), 'normal'));
  assert.equal(await first.settle({ kind: 'retry', error }), 'queued');
  await house.events.next('job.requeued', { reason: 'model_crashed' });
  const second = claimed(await claimSoon(house, lanes));
  assert.equal(second.attempt, 2);
  assert.equal(await second.settle({ kind: 'retry', error }), 'failed');
  const record = await store.find(job.id);
  assert.ok(record && record !== 'expired');
  assert.equal(record.error?.code, 'model_crashed');
});

test('a job that comes to its turn with all its attempts used up fails as worker_lost', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker();
  const job = aJob();
  await store.submit(job, roomy);
  await redis.hset(`{roundhouse}:job:${job.id}`, 'attempts', 2);
  assert.equal(await lanes.claim(model('echo'), 'normal'), null);
  const record = await store.find(job.id);
  assert.ok(record && record !== 'expired');
  assert.deepEqual([record.status, record.error?.code], ['failed', 'worker_lost']);
});

test('a snoozed job goes back to the front without using up its attempt', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const [first, second] = [aJob(), aJob()];
  await store.submit(first, roomy);
  await store.submit(second, roomy);
  for (let round = 0; round < 5; round++) {
    const claim = claimed(await claimSoon(house, lanes));
    assert.deepEqual([claim.record.id, claim.attempt], [first.id, 1]);
    await claim.settle({ kind: 'snooze' });
  }
});

test('an attempt whose job was given to another one wins nothing', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker();
  const job = aJob();
  await store.submit(job, roomy);
  const stale = claimed(await lanes.claim(model('echo'), 'normal'));
  await redis.hset(`{roundhouse}:job:${job.id}`, 'claim', 'someone-else:1:1');
  assert.equal(await stale.settle({ kind: 'completed', result }), 'in_progress');
  const record = await store.find(job.id);
  assert.ok(record && record !== 'expired');
  assert.equal(record.output, null);
});

test('two workers on one Redis never run a job twice', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const workers = [await house.worker({ name: 'a' }), await house.worker({ name: 'b' })];
  const jobs = Array.from({ length: 200 }, () => aJob());
  await Promise.all(jobs.map((job) => store.submit(job, roomy)));
  const ran: string[] = [];
  const drain = async ({ lanes }: (typeof workers)[number]) => {
    for (;;) {
      const claim = await lanes.claim(model('echo'), 'normal');
      if (!claim) return;
      ran.push(claim.record.id);
      await claim.settle({ kind: 'completed', result });
    }
  };
  await Promise.all([...workers, ...workers].map(drain));
  assert.deepEqual(ran.toSorted(), jobs.map(({ id }) => id).toSorted());
});

test('the snapshot counts waiting jobs, their age and what was ever accepted', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const nowMs = Date.now();
  await store.submit(aJob({ createdAtMs: nowMs - 2000 }), roomy);
  await store.submit(aJob({ createdAtMs: nowMs - 1000 }), roomy);
  await store.submit(aJob({ class: 'batch', createdAtMs: nowMs }), roomy);
  const [before] = await lanes.snapshot();
  assert.deepEqual(before, {
    model: 'echo',
    waiting: [0, 2, 1],
    oldest: [-1, nowMs - 2000, nowMs],
    sumEnqueued: [0, 2 * nowMs - 3000, nowMs],
    accepted: [0, 2, 1],
    joined: [0, 0, 0],
    paused: false,
  });
  await lanes.claim(model('echo'), 'normal');
  const [after] = await lanes.snapshot();
  assert.deepEqual(after?.waiting, [0, 1, 1]);
  assert.deepEqual(after?.sumEnqueued, [0, nowMs - 1000, nowMs]);
});

test('waiting jobs of a model that cannot start are failed: the sync ones, or all', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const jobs = [aJob({ sync: true }), aJob(), aJob({ sync: true, class: 'interactive' })];
  for (const job of jobs) await store.submit(job, roomy);
  const error = errors.modelLoadFailed('echo', 'no memory', [], 30).toBody();
  assert.equal(await lanes.failWaiting(model('echo'), error, 'sync'), 2);
  assert.equal(await lanes.failWaiting(model('echo'), error, 'all'), 1);
  assert.deepEqual((await lanes.snapshot())[0]?.waiting, [0, 0, 0]);
  for (const job of jobs) {
    const record = await store.find(job.id);
    assert.ok(record && record !== 'expired');
    assert.deepEqual([record.status, record.error?.code], ['failed', 'model_load_failed']);
  }
});

/** A job put back is claimable a moment later: the lane wakes its workers then. */
async function claimSoon(_house: QueueHouse, lanes: Awaited<ReturnType<QueueHouse['worker']>>['lanes']) {
  for (;;) {
    const claim = await lanes.claim(model('echo'), 'normal');
    if (claim) return claim;
    await lanes.waitForWork(1000);
  }
}

test('every waiting job knows its place, whoever left the lane or came back to it', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker();
  const jobs = Array.from({ length: 9 }, () => aJob());
  for (const job of jobs) await store.submit(job, roomy);
  const claims = [];
  for (let at = 0; at < 3; at++) claims.push(await lanes.claim(model('echo'), 'normal'));
  await store.cancel(jobs[5]?.id ?? ('' as never), 'asked');
  for (const claim of claims) await claim?.settle({ kind: 'snooze' });
  const waiting = (await redis.lrange('{roundhouse}:m.echo.normal:wait', 0, -1)).reverse();
  assert.equal(waiting.length, 8);
  for (const [at, id] of waiting.entries())
    assert.deepEqual(await store.position(id as never), { position: at + 1 });
});
