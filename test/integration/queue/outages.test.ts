import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { aJob, model } from '../../helpers/jobs.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';

const roomy = { queueCap: 1000, retryAfterS: 5 };
const result = { output: { text: 'hi' }, files: [], usage: null };
const unavailable = { code: 'queue_unavailable', status: 503 };

test('without Redis every call of the API is refused as queue_unavailable, and works again by itself', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  await house.redis.kill();
  await house.events.next('redis.unreachable');
  const job = aJob();
  await assert.rejects(store.submit(job, roomy), unavailable);
  await assert.rejects(store.find(job.id), unavailable);
  await assert.rejects(store.list({ keyId: job.keyId, limit: 1, order: 'asc' }), unavailable);
  await assert.rejects(store.cancel(job.id, 'asked'), unavailable);
  await assert.rejects(store.depths(), unavailable);
  await house.redis.up();
  await house.events.next('redis.back');
  await store.submit(job, roomy);
});

test('a Redis that hangs is refused as queue_unavailable, and the refused job never runs', async () => {
  await using house = await QueueHouse.open();
  house.isPatient = false;
  const store = await house.store();
  const { lanes } = await house.worker();
  const [refused, kept] = [aJob(), aJob()];
  house.redis.signal('SIGSTOP');
  await assert.rejects(store.submit(refused, roomy), unavailable);
  house.redis.signal('SIGCONT');
  await store.submit(kept, roomy);
  assert.equal((await lanes.claim(model('echo'), 'normal'))?.record.id, kept.id);
  assert.equal(await lanes.claim(model('echo'), 'normal'), null);
});

test('one outage is told once, however many connections it hits', async () => {
  await using house = await QueueHouse.open();
  await house.worker();
  await house.store();
  for (let round = 1; round <= 2; round++) {
    await house.redis.kill();
    await house.events.next('redis.unreachable');
    await house.redis.up();
    await house.events.next('redis.back');
    assert.equal(house.events.of('redis.unreachable').length, round);
    assert.equal(house.events.of('redis.back').length, round);
  }
});

test('after Redis was killed nothing accepted is lost, lanes go on, and a running attempt settles', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const jobs = Array.from({ length: 20 }, () => aJob());
  for (const job of jobs) await store.submit(job, roomy);
  const running = await lanes.claim(model('echo'), 'normal');
  await house.redis.kill();
  await house.events.next('redis.unreachable');
  const settling = running?.settle({ kind: 'completed', result });
  const waiting = lanes.waitForWork(50);
  await assert.rejects(lanes.snapshot(), unavailable);
  await waiting;
  await house.redis.up();
  assert.equal(await settling, 'completed');
  const ran = [running?.record.id];
  for (;;) {
    const claim = await lanes.claim(model('echo'), 'normal');
    if (claim === null) break;
    ran.push(claim.record.id);
    await claim.settle({ kind: 'completed', result });
  }
  assert.deepEqual(ran.toSorted(), jobs.map(({ id }) => id).toSorted());
});

test('a worker that starts before Redis waits for it', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const job = aJob();
  await store.submit(job, roomy);
  await house.redis.kill();
  const redis = house.connect('worker');
  const blocking = house.connect('blocking');
  const starting = house.workerOn(redis, blocking);
  await house.events.next('redis.unreachable');
  await house.redis.up();
  const { lanes } = await starting;
  assert.equal((await lanes.claim(model('echo'), 'normal'))?.record.id, job.id);
});

test('an attempt whose lock ran out during an outage takes it back and goes on', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker({ timing: { lockDurationMs: 400, stalledIntervalMs: 60_000 } });
  const job = aJob();
  await store.submit(job, roomy);
  const claim = await lanes.claim(model('echo'), 'normal');
  const lock = `{roundhouse}:m.echo.normal:${job.id}:lock`;
  await redis.del(lock);
  while ((await redis.get(lock)) === null) await lanes.waitForWork(20);
  assert.equal(claim?.signal.aborted, false);
  assert.equal(await claim?.settle({ kind: 'completed', result }), 'completed');
});

test('an attempt whose lock went to another worker is aborted', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker({ timing: { lockDurationMs: 400, stalledIntervalMs: 60_000 } });
  const job = aJob();
  await store.submit(job, roomy);
  const claim = await lanes.claim(model('echo'), 'normal');
  assert.ok(claim);
  const aborted = new Promise((resolve) => claim.signal.addEventListener('abort', resolve));
  await redis.set(`{roundhouse}:m.echo.normal:${job.id}:lock`, 'other:1:1');
  await aborted;
  assert.equal(claim.signal.reason.code, 'worker_lost');
  await house.events.next('worker.lock-lost', { jobId: job.id });
});

test('a disk that Redis cannot write to refuses new jobs as storage_full, and a running one settles when it can', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker();
  const job = aJob();
  await store.submit(job, roomy);
  const claim = await lanes.claim(model('echo'), 'normal');
  await redis.config('SET', 'save', '3600 1');
  await rm(house.redis.dir, { recursive: true });
  await redis.bgsave();
  while (!(await redis.info('persistence')).includes('rdb_last_bgsave_status:err')) await redis.time();
  await assert.rejects(store.submit(aJob(), roomy), { code: 'storage_full', status: 507 });
  const settling = claim?.settle({ kind: 'completed', result });
  await house.events.next('system.fault', { where: `settling ${job.id}` });
  await redis.config('SET', 'stop-writes-on-bgsave-error', 'no');
  assert.equal(await settling, 'completed');
});

test('neither a worker nor an API starts on a Redis that evicts', async () => {
  await using house = await QueueHouse.open();
  const redis = await house.connected('command');
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await assert.rejects(house.worker(), /CONFIG SET maxmemory-policy noeviction/);
  await assert.rejects(house.inbox(), /CONFIG SET maxmemory-policy noeviction/);
});
