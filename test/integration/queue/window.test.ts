import assert from 'node:assert/strict';
import { test } from 'node:test';
import { windowOf } from '../../../src/contracts/admission-window.ts';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import type { JobId, KeyId } from '../../../src/contracts/ids.ts';
import type { NewJob } from '../../../src/contracts/job.ts';
import type { RedisJobStore } from '../../../src/queue/job-store.ts';
import type { BullLanes } from '../../../src/queue/lanes.ts';
import { RedisRetentionStore } from '../../../src/queue/retention.ts';
import { aJob, model } from '../../helpers/jobs.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';

const roomy = { queueCap: 1000, retryAfterS: 5 };
const result = { output: { text: 'hi' }, files: [], usage: null };
const window = { alone: 6, shared: 2, activeForMs: 600_000 };
const [z, b] = ['zzzzzzzzzzzz', 'bbbbbbbbbbbb'] as [KeyId, KeyId];

/** Submits jobs of one key, one after another. */
async function flood(store: RedisJobStore, count: number, over: Partial<NewJob> = {}): Promise<NewJob[]> {
  const jobs = Array.from({ length: count }, () => aJob({ keyId: z, ...over }));
  for (const job of jobs) await store.submit(job, roomy);
  return jobs;
}

async function startNext(lanes: BullLanes): Promise<JobId | null> {
  const claim = await lanes.claim(model('echo'), 'normal');
  await claim?.settle({ kind: 'completed', result });
  return claim?.record.id ?? null;
}

async function startAll(lanes: BullLanes): Promise<JobId[]> {
  const started: JobId[] = [];
  for (let id = await startNext(lanes); id !== null; id = await startNext(lanes)) started.push(id);
  return started;
}

const ids = (jobs: readonly NewJob[]): JobId[] => jobs.map(({ id }) => id);
const waitingIn = async (lanes: BullLanes) => (await lanes.snapshot())[0]?.waiting[1];

async function statusOf(store: RedisJobStore, id: JobId | undefined): Promise<string | null> {
  const record = id === undefined ? null : await store.find(id);
  return record === null || record === 'expired' ? record : record.status;
}

test("another key's job starts after at most a window of the jobs of a key that floods the lane", async () => {
  await using house = await QueueHouse.open();
  const store = await house.store(window);
  const { lanes } = await house.worker();
  const flooded = await flood(store, 60);
  const other = aJob({ keyId: b });
  await store.submit(other, roomy);
  const started = await startAll(lanes);
  assert.equal(started.indexOf(other.id), window.alone);
  assert.deepEqual(
    started.filter((id) => id !== other.id),
    ids(flooded),
  );
});

test('once two keys are active the window is the smaller one, and never below what the model runs at once', async () => {
  for (const [concurrency, most] of [
    [1, 2],
    [5, 5],
  ] as const) {
    await using house = await QueueHouse.open();
    const store = await house.store(windowOf(window, concurrency));
    const { lanes } = await house.worker();
    await store.submit(aJob({ keyId: b, class: 'batch' }), roomy);
    await flood(store, 10);
    assert.equal(await waitingIn(lanes), most);
  }
});

test('the window widens when one key is alone again, and the order within the key stays', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store(window);
  const { lanes } = await house.worker();
  await store.submit(aJob({ keyId: b, class: 'batch' }), roomy);
  const early = await flood(store, 10);
  assert.equal(await waitingIn(lanes), window.shared);
  house.clock.aheadMs = window.activeForMs + 1;
  const late = await flood(store, 1);
  assert.equal(await waitingIn(lanes), window.alone);
  assert.deepEqual(await startAll(lanes), ids([...early, ...late]));
});

test('without a window every job enters its lane at once', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store(windowOf(null, 1));
  const { lanes } = await house.worker();
  await flood(store, 60);
  assert.equal(await waitingIn(lanes), 60);
});

test('switching the window off frees a backlog with the next job of its key', async () => {
  await using house = await QueueHouse.open();
  const { lanes } = await house.worker();
  const early = await flood(await house.store(window), 20);
  const late = await flood(await house.store(windowOf(null, 1)), 1);
  assert.equal(await waitingIn(lanes), 21);
  assert.deepEqual(await startAll(lanes), ids([...early, ...late]));
});

test('the scheduler sees lanes only: what entered, and since when; depths, cap and wait count from acceptance', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store(window);
  const { lanes } = await house.worker();
  const createdAtMs = Date.now() - 60_000;
  const [first] = await flood(store, 10, { createdAtMs });
  const [before] = await lanes.snapshot();
  assert.deepEqual([before?.waiting[1], before?.accepted[1], before?.joined[1]], [6, 6, 4]);
  assert.deepEqual([before?.oldest[1], before?.sumEnqueued[1]], [createdAtMs, 6 * createdAtMs]);
  const claim = await lanes.claim(model('echo'), 'normal');
  assert.equal(claim?.record.id, first?.id);
  const [after] = await lanes.snapshot();
  assert.deepEqual([after?.waiting[1], after?.accepted[1]], [6, 7]);
  const entered = (after?.sumEnqueued[1] ?? 0) - 5 * createdAtMs;
  assert.ok(entered >= createdAtMs + 60_000, 'the one that entered counts from then');
  assert.deepEqual((await store.depths()).get(model('echo')), {
    queued: 9,
    inProgress: 1,
    oldestQueuedAtMs: createdAtMs,
  });
  const cap = { queueCap: 9, retryAfterS: 5 };
  await assert.rejects(store.submit(aJob({ keyId: b }), cap), { code: 'queue_full' });
});

test('the oldest waiting job counts although a younger one of another key is before it', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store({ ...window, alone: 1, shared: 1 });
  const { lanes } = await house.worker();
  const createdAtMs = Date.now() - 60_000;
  await flood(store, 2, { createdAtMs });
  const other = aJob({ keyId: b });
  await store.submit(other, roomy);
  await startNext(lanes);
  assert.deepEqual(await store.position(other.id), { position: 1 });
  assert.equal((await store.depths()).get(model('echo'))?.oldestQueuedAtMs, createdAtMs);
});

test('every job knows its place: the lane, its own backlog, and the turns of the other backlogs', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store({ ...window, alone: 2 });
  const { lanes } = await house.worker();
  const ofZ = await flood(store, 7);
  const ofB = await flood(store, 4, { keyId: b });
  const places = async (jobs: readonly NewJob[]) =>
    Promise.all(jobs.map(async ({ id }) => (await store.position(id))?.position ?? null));
  // In the lane: z z b b. Held back: three more of z than of b.
  assert.deepEqual(await places(ofZ), [1, 2, 5, 7, 9, 10, 11]);
  assert.deepEqual(await places(ofB), [3, 4, 5, 7]);
  await startNext(lanes);
  await store.cancel(ofZ[4]?.id ?? ('' as JobId), 'asked');
  assert.deepEqual(await places(ofZ), [null, 1, 4, 5, null, 7, 9]);
});

test('a job that is cancelled in its backlog never runs; one that is cancelled in the lane makes room', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store(window);
  const { lanes, redis } = await house.worker();
  const jobs = await flood(store, 9);
  const [inLane, held] = [jobs[2], jobs[7]] as [NewJob, NewJob];
  assert.equal((await store.cancel(held.id, 'asked'))?.status, 'cancelled');
  assert.deepEqual(await redis.keys(`*backlog*${held.id}*`), []);
  assert.equal(await waitingIn(lanes), 6);
  assert.equal((await store.cancel(inLane.id, 'asked'))?.status, 'cancelled');
  assert.equal(await waitingIn(lanes), 6);
  assert.deepEqual(
    await startAll(lanes),
    ids(jobs).filter((id) => id !== held.id && id !== inLane.id),
  );
});

test('time to live counts from acceptance: jobs expire in the backlog, and those in the lane make room', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store({ ...window, alone: 2 });
  const { lanes, redis } = await house.worker();
  const retention = new RedisRetentionStore({ redis, emit: house.emit });
  const soon = { queueDeadlineMs: Date.now() + 60_000 };
  const expiring = await flood(store, 4, soon);
  const lasting = await flood(store, 4);
  const expiringToo = await flood(store, 1, soon);
  assert.equal(await retention.expireQueued(Date.now() + 61_000), 5);
  for (const { id } of [...expiring, ...expiringToo]) assert.equal(await statusOf(store, id), 'expired');
  assert.equal(await waitingIn(lanes), 2);
  assert.deepEqual(await startAll(lanes), ids(lasting));
});

test('jobs of a model that cannot start fail in the backlog as well: the sync ones, or all', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store({ ...window, alone: 2, shared: 2 });
  const { lanes, redis } = await house.worker();
  const kept = await flood(store, 4);
  const sync = await flood(store, 3, { sync: true });
  const ofB = await flood(store, 3, { keyId: b, sync: true });
  const error = errors.modelLoadFailed('echo', 'no memory', [], 30).toBody();
  assert.equal(await lanes.failWaiting(model('echo'), error, 'sync'), 6);
  for (const { id } of [...sync, ...ofB]) assert.equal(await statusOf(store, id), 'failed');
  assert.equal(await waitingIn(lanes), 2);
  assert.equal(await lanes.failWaiting(model('echo'), error, 'all'), 4);
  for (const { id } of kept) assert.equal(await statusOf(store, id), 'failed');
  assert.deepEqual(await redis.keys('{roundhouse}:backlog*'), []);
  assert.deepEqual(await redis.keys('{roundhouse}:window:*'), []);
});

test('a job that is held back costs a record and a list entry, and no BullMQ job', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store(window);
  const { redis } = await house.worker();
  const jobs = await flood(store, 8);
  const held = jobs.at(-1)?.id;
  assert.deepEqual(await redis.keys(`*${held}*`), [`{roundhouse}:job:${held}`]);
  assert.deepEqual(
    await redis.lrange(`{roundhouse}:backlog:m.echo.normal:${z}`, 0, -1),
    ids(jobs).slice(6).reverse(),
  );
});

test('submitting a held back job again changes nothing, and a Redis that is full refuses it whole', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store(window);
  const { lanes, redis } = await house.worker();
  const jobs = await flood(store, 8);
  const [last] = jobs.slice(-1) as [NewJob];
  await store.submit(last, roomy);
  await redis.config('SET', 'maxmemory', '1mb');
  const refused = aJob({ keyId: z });
  await assert.rejects(store.submit(refused, roomy), { code: 'storage_full' });
  await startNext(lanes);
  await redis.config('SET', 'maxmemory', '100mb');
  assert.equal(await store.find(refused.id), null);
  assert.deepEqual(await startAll(lanes), ids(jobs).slice(1));
});

test('a job that is put back keeps its place before the backlog', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store({ ...window, alone: 1 });
  const { lanes } = await house.worker();
  const jobs = await flood(store, 4);
  const claim = await lanes.claim(model('echo'), 'normal');
  await claim?.settle({ kind: 'snooze' });
  assert.deepEqual(await startAll(lanes), ids(jobs));
});
