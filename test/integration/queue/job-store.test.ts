import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeyId } from '../../../src/contracts/ids.ts';
import type { JobRecord } from '../../../src/contracts/job.ts';
import type { RedisJobStore } from '../../../src/queue/job-store.ts';
import { RedisRetentionStore } from '../../../src/queue/retention.ts';
import { aJob, model } from '../../helpers/jobs.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';

const roomy = { queueCap: 1000, retryAfterS: 5 };
const result = { output: { text: 'hi' }, files: [], usage: null };

async function found(store: RedisJobStore, id: JobRecord['id']): Promise<JobRecord> {
  const record = await store.find(id);
  assert.ok(record !== null && record !== 'expired', `no record of ${id}`);
  return record;
}

test('what is submitted is read back as it was, without its body', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const job = aJob({
    webhook: { url: 'https://example.org/hook', events: ['job.completed'] },
    metadata: { order: '7' },
    model: model('meta/llama 3:8b'),
  });
  await store.submit(job, roomy);
  const { body, webhook, ...rest } = job;
  const record = await found(store, job.id);
  assert.ok(body.length > 0 && !('body' in record));
  assert.deepEqual(record, {
    ...rest,
    status: 'queued',
    phase: null,
    progress: null,
    attempts: 0,
    startedAtMs: null,
    completedAtMs: null,
    loadMs: null,
    worker: null,
    output: null,
    files: [],
    dataRemoved: false,
    usage: null,
    error: null,
    webhook: { ...webhook, status: 'pending', attempts: 0, lastError: null },
  });
});

test('a full queue refuses with 429 and the time to wait, whatever the class, and takes jobs again later', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker();
  const admission = { queueCap: 2, retryAfterS: 42 };
  await store.submit(aJob({ class: 'interactive' }), admission);
  await store.submit(aJob({ class: 'batch' }), admission);
  const refused = aJob();
  await assert.rejects(store.submit(refused, admission), {
    code: 'queue_full',
    status: 429,
    retryAfterS: 42,
  });
  assert.equal(await store.find(refused.id), null);
  assert.deepEqual(await redis.keys(`*${refused.id}*`), []);
  assert.deepEqual((await lanes.snapshot())[0]?.waiting, [1, 0, 1]);
  await store.submit(aJob({ model: model('other') }), admission);
  await lanes.claim(model('echo'), 'interactive');
  await store.submit(refused, admission);
});

test('submitting the same job again changes nothing', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const job = aJob();
  await store.submit(job, roomy);
  await store.submit(job, roomy);
  assert.deepEqual((await lanes.snapshot())[0]?.waiting, [0, 1, 0]);
});

test('cancelling a waiting job ends it and takes it out of its lane', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const [first, second] = [aJob(), aJob()];
  await store.submit(first, roomy);
  await store.submit(second, roomy);
  assert.deepEqual(await store.position(second.id), { position: 2 });
  const record = await store.cancel(first.id, 'asked by the client');
  assert.deepEqual([record?.status, record?.error?.code], ['cancelled', 'job_cancelled']);
  assert.match(record?.error?.message ?? '', /asked by the client/);
  assert.equal(await store.position(first.id), null);
  assert.deepEqual(await store.position(second.id), { position: 1 });
  assert.equal((await lanes.claim(model('echo'), 'normal'))?.record.id, second.id);
});

test('cancelling a running job aborts its attempt, which then settles as cancelled', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const job = aJob();
  await store.submit(job, roomy);
  const claim = await lanes.claim(model('echo'), 'normal');
  assert.ok(claim);
  const aborted = new Promise((resolve) => claim.signal.addEventListener('abort', resolve));
  assert.equal((await store.cancel(job.id, 'asked'))?.status, 'cancelling');
  await aborted;
  assert.equal(claim.signal.reason.code, 'job_cancelled');
  assert.equal(await claim.settle({ kind: 'cancelled' }), 'cancelled');
  assert.equal((await store.cancel(job.id, 'again'))?.status, 'cancelled');
});

test('a result that wins the race against its cancellation is kept', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const job = aJob();
  await store.submit(job, roomy);
  const claim = await lanes.claim(model('echo'), 'normal');
  await store.cancel(job.id, 'asked');
  assert.equal(await claim?.settle({ kind: 'completed', result }), 'completed');
});

test('cancelling what does not exist says so', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  assert.equal(await store.cancel(aJob().id, 'asked'), null);
});

test("one key's jobs are listed page by page, in both directions and filtered", async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const keyId = 'aaaaaaaaaaaa' as KeyId;
  const jobs = Array.from({ length: 5 }, (_, at) =>
    aJob({ keyId, model: model(at % 2 === 0 ? 'even' : 'odd'), createdAtMs: Date.now() + at }),
  ).sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const job of jobs) await store.submit(job, roomy);
  await store.submit(aJob({ keyId: 'bbbbbbbbbbbb' as KeyId }), roomy);
  const ids = jobs.map(({ id }) => id);
  const page = await store.list({ keyId, limit: 2, order: 'desc' });
  assert.deepEqual([page.jobs.map(({ id }) => id), page.hasMore], [ids.toReversed().slice(0, 2), true]);
  const after = page.jobs[1]?.id ?? ids[0];
  const rest = await store.list({ keyId, limit: 10, order: 'desc', ...(after ? { after } : {}) });
  assert.deepEqual([rest.jobs.map(({ id }) => id), rest.hasMore], [ids.toReversed().slice(2), false]);
  const ascending = await store.list({ keyId, limit: 10, order: 'asc' });
  assert.deepEqual(
    ascending.jobs.map(({ id }) => id),
    ids,
  );
  const odd = await store.list({ keyId, limit: 10, order: 'asc', model: model('odd'), status: 'queued' });
  assert.equal(odd.jobs.length, 2);
  const late = await store.list({
    keyId,
    limit: 10,
    order: 'asc',
    createdAfterMs: jobs[3]?.createdAtMs ?? 0,
  });
  assert.ok(late.jobs.every(({ createdAtMs }) => createdAtMs >= (jobs[3]?.createdAtMs ?? 0)));
});

test('more jobs than one read holds are listed completely', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const jobs = Array.from({ length: 450 }, (_, at) => aJob({ model: model(at === 3 ? 'rare' : 'echo') }));
  await Promise.all(jobs.map((job) => store.submit(job, roomy)));
  const { keyId } = aJob();
  assert.equal((await store.list({ keyId, limit: 1000, order: 'asc' })).jobs.length, 450);
  assert.equal((await store.list({ keyId, limit: 10, order: 'asc', model: model('rare') })).jobs.length, 1);
});

test('depths count waiting and running jobs per model', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const createdAtMs = Date.now() - 5000;
  await store.submit(aJob(), roomy);
  await store.submit(aJob({ class: 'batch', createdAtMs }), roomy);
  await store.submit(aJob({ model: model('other') }), roomy);
  await lanes.claim(model('echo'), 'normal');
  const depths = await store.depths();
  assert.deepEqual(depths.get(model('echo')), { queued: 1, inProgress: 1, oldestQueuedAtMs: createdAtMs });
  assert.equal(depths.get(model('other'))?.queued, 1);
});

test('a full Redis refuses new jobs, and running ones still settle', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker();
  const job = aJob();
  await store.submit(job, roomy);
  const claim = await lanes.claim(model('echo'), 'normal');
  await redis.config('SET', 'maxmemory', '1mb');
  const refused = aJob();
  await assert.rejects(store.submit(refused, roomy), { code: 'storage_full', status: 507 });
  assert.equal(await store.find(refused.id), null);
  assert.equal(await claim?.settle({ kind: 'completed', result }), 'completed');
  assert.equal((await found(store, job.id)).status, 'completed');
  await redis.config('SET', 'maxmemory', '100mb');
  await store.submit(refused, roomy);
  assert.equal((await lanes.claim(model('echo'), 'normal'))?.record.id, refused.id);
});

test('a job that waits past its time to live expires and leaves its lane', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker();
  const retention = new RedisRetentionStore({ redis, emit: house.emit });
  const job = aJob({ queueDeadlineMs: Date.now() + 60_000 });
  await store.submit(job, roomy);
  assert.equal(await retention.expireQueued(Date.now()), 0);
  assert.equal(await retention.expireQueued(Date.now() + 61_000), 1);
  const record = await found(store, job.id);
  assert.deepEqual([record.status, record.error?.code], ['expired', 'queue_ttl_exceeded']);
  assert.equal(await lanes.claim(model('echo'), 'normal'), null);
});

test('a job that comes to its turn too late expires instead of running', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const job = aJob({ queueDeadlineMs: Date.now() - 1 });
  await store.submit(job, roomy);
  assert.equal(await lanes.claim(model('echo'), 'normal'), null);
  assert.equal((await found(store, job.id)).status, 'expired');
});

test('an ended job is forgotten after its retention, and its id is known as expired for a while', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes, redis } = await house.worker();
  const retention = new RedisRetentionStore({ redis, emit: house.emit });
  const job = aJob({ resultTtlMs: 60_000 });
  await store.submit(job, roomy);
  await (await lanes.claim(model('echo'), 'normal'))?.settle({ kind: 'completed', result });
  assert.deepEqual(await retention.pruneEnded(house.clock.now()), []);
  house.clock.aheadMs = 61_000;
  assert.equal(await store.find(job.id), 'expired');
  assert.deepEqual(await retention.pruneEnded(house.clock.now()), [job.id]);
  assert.equal(await store.find(job.id), 'expired');
  assert.deepEqual((await store.list({ keyId: job.keyId, limit: 10, order: 'asc' })).jobs, []);
  house.clock.aheadMs = 8 * 24 * 3600 * 1000;
  await retention.pruneEnded(house.clock.now());
  assert.equal(await store.find(job.id), null);
});
