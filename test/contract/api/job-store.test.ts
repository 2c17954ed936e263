import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ulid } from 'ulid';
import type { JobQuery } from '../../../src/api/ports.ts';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import type { JobId, KeyId } from '../../../src/contracts/ids.ts';
import type { JobMessage, NewJob } from '../../../src/contracts/job.ts';
import { aJob, model } from '../../helpers/jobs.ts';
import { fakeHouse, type QueueUnderTest, redisHouse } from './queue-houses.ts';

const roomy = { queueCap: 100, retryAfterS: 5 };
const output = { text: 'hi', count: 1.5, nothing: null };
const result = {
  output,
  files: [{ index: 0, contentType: 'audio/wav', bytes: 4, sha256: 'abc' }],
  usage: { tokens: 3 },
};
const crash = errors.modelCrashed('echo', 'signal 9').toBody();

/** Submits jobs, each created ten milliseconds after the one before. */
async function submitAll({ store }: QueueUnderTest, ...wishes: Partial<NewJob>[]): Promise<NewJob[]> {
  const firstMs = Date.now() - 1000;
  const jobs = wishes.map((wish, at) => {
    const createdAtMs = firstMs + 10 * at;
    return aJob({ id: `job_${ulid(createdAtMs)}` as JobId, createdAtMs, ...wish });
  });
  for (const job of jobs) await store.submit(job, roomy);
  return jobs;
}

async function statusOf({ store }: QueueUnderTest, id: JobId): Promise<string> {
  const record = await store.find(id);
  return record === null || record === 'expired' ? String(record) : record.status;
}

const houses = { 'the queue in memory': fakeHouse, 'the queue on Redis': redisHouse };

for (const [name, open] of Object.entries(houses)) {
  test(`${name} keeps a job as it was handed over`, async () => {
    await using house = await open();
    const webhook = { url: 'https://example.com/hook', events: ['job.completed'] };
    const [job] = await submitAll(house, { metadata: { a: 'ü' }, webhook, sync: true, stream: true });
    assert.ok(job);
    const { body: _, webhook: __, ...facts } = job;
    assert.deepEqual(await house.store.find(job.id), {
      ...facts,
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
    assert.equal(await house.store.find('job_01ARZ3NDEKTSV4RRFFQ69G5FAV' as JobId), null);
  });

  test(`${name} counts what waits of a model, in all classes, against its cap`, async () => {
    await using house = await open();
    await submitAll(house, { class: 'normal' }, { class: 'batch' }, { model: model('other') });
    const full = { queueCap: 2, retryAfterS: 7 };
    await assert.rejects(house.store.submit(aJob(), full), {
      code: 'queue_full',
      status: 429,
      retryAfterS: 7,
    });
    await house.startNext({ model: model('echo'), class: 'normal' });
    await house.store.submit(aJob(), full);
    const depths = await house.store.depths();
    const { queued, inProgress } = depths.get(model('echo')) ?? {};
    assert.deepEqual({ queued, inProgress }, { queued: 2, inProgress: 1 });
    assert.equal(depths.get(model('other'))?.queued, 1);
    assert.equal(typeof depths.get(model('other'))?.oldestQueuedAtMs, 'number');
  });

  test(`${name} tells each job its place in its lane`, async () => {
    await using house = await open();
    const [first, second, third] = await submitAll(house, {}, {}, {});
    const [batch] = await submitAll(house, { class: 'batch' });
    assert.ok(first && second && third && batch);
    assert.deepEqual(await house.store.position(third.id), { position: 3 });
    assert.deepEqual(await house.store.position(batch.id), { position: 1 });
    await house.startNext(first);
    assert.equal(await house.store.position(first.id), null);
    assert.deepEqual(await house.store.position(third.id), { position: 2 });
    assert.equal(await house.store.position(aJob().id), null);
  });

  test(`${name} cancels what waits at once, what runs soon, and what has ended not at all`, async () => {
    await using house = await open();
    const [queued, running, done] = await submitAll(house, {}, { class: 'batch' }, { class: 'interactive' });
    assert.ok(queued && running && done);
    const run = await house.startNext(running);
    await (await house.startNext(done)).settle({ kind: 'completed', result });
    const cancelled = await house.store.cancel(queued.id, 'asked');
    assert.equal(cancelled?.status, 'cancelled');
    assert.equal(cancelled?.error?.code, 'job_cancelled');
    assert.equal((await house.store.cancel(queued.id, 'asked'))?.status, 'cancelled');
    assert.equal((await house.store.cancel(running.id, 'asked'))?.status, 'cancelling');
    await run.settle({ kind: 'cancelled' });
    assert.equal(await statusOf(house, running.id), 'cancelled');
    assert.equal((await house.store.cancel(done.id, 'asked'))?.status, 'completed');
    assert.equal(await house.store.cancel(aJob().id, 'asked'), null);
  });

  test(`${name} records a result, and a failure`, async () => {
    await using house = await open();
    const [good, bad] = await submitAll(house, {}, { class: 'batch' });
    assert.ok(good && bad);
    await (await house.startNext(good)).settle({ kind: 'completed', result });
    const record = await house.store.find(good.id);
    assert.ok(record && record !== 'expired');
    const { status, attempts, files, usage } = record;
    assert.deepEqual(
      { status, attempts, output: record.output, files, usage },
      { status: 'completed', attempts: 1, ...result },
    );
    assert.ok(record.startedAtMs !== null && record.completedAtMs !== null && record.worker !== null);
    await (await house.startNext(bad)).settle({ kind: 'failed', error: crash });
    const failed = await house.store.find(bad.id);
    assert.ok(failed && failed !== 'expired');
    assert.equal(failed.status, 'failed');
    assert.deepEqual(failed.error, crash);
  });

  test(`${name} gives an attempt that was lost one more, and then gives up`, async () => {
    await using house = await open();
    const [job] = await submitAll(house, { inboxId: house.inbox.id });
    assert.ok(job);
    const heard: string[] = [];
    house.inbox.subscribe(job.id, (message) => heard.push(message.type));
    const first = await house.startNext(job);
    assert.equal(first.attempt, 1);
    await first.settle({ kind: 'retry', error: crash });
    assert.equal(await statusOf(house, job.id), 'queued');
    const second = await house.startNext(job);
    assert.equal(second.attempt, 2);
    await second.settle({ kind: 'retry', error: crash });
    assert.equal(await statusOf(house, job.id), 'failed');
    assert.deepEqual(heard, ['started', 'requeued', 'started', 'settled']);
  });

  test(`${name} does not count an attempt that was given back`, async () => {
    await using house = await open();
    const [job] = await submitAll(house, {});
    assert.ok(job);
    await (await house.startNext(job)).settle({ kind: 'snooze' });
    assert.equal(await statusOf(house, job.id), 'queued');
    assert.equal((await house.startNext(job)).attempt, 1);
  });

  test(`${name} brings tokens in order and the end last, to those who listen to that job`, async () => {
    await using house = await open();
    const [job, other] = await submitAll(
      house,
      { inboxId: house.inbox.id, stream: true },
      { inboxId: house.inbox.id, class: 'batch' },
    );
    assert.ok(job && other);
    const heard: JobMessage[] = [];
    const unheard: JobMessage[] = [];
    const ended = new Promise<void>((resolve) => {
      house.inbox.subscribe(job.id, (message) => {
        heard.push(message);
        if (message.type === 'settled') resolve();
      });
    });
    const stop = house.inbox.subscribe(job.id, (message) => unheard.push(message));
    stop();
    const run = await house.startNext(job);
    await house.startNext(other);
    run.chunk(0, 'a', 'b');
    run.chunk(2, 'c');
    await run.settle({ kind: 'completed', result });
    await ended;
    const jobId = job.id;
    assert.deepEqual(heard, [
      { type: 'started', jobId, attempt: 1 },
      { type: 'chunk', jobId, attempt: 1, seq: 0, data: ['a', 'b'] },
      { type: 'chunk', jobId, attempt: 1, seq: 2, data: ['c'] },
      { type: 'settled', jobId, status: 'completed' },
    ]);
    assert.deepEqual(unheard, []);
  });

  test(`${name} lists the jobs of a key by page, order, status, model and time`, async () => {
    await using house = await open();
    const keyId = 'aaaaaaaaaaaa' as KeyId;
    const wishes = [0, 1, 2, 3].map((at) => ({ keyId, model: model(at % 2 === 0 ? 'even' : 'odd') }));
    const jobs = await submitAll(house, ...wishes);
    await submitAll(house, { keyId: 'bbbbbbbbbbbb' as KeyId });
    const ids = jobs.map(({ id }) => id);
    const list = async (query: Partial<JobQuery>) => {
      const { jobs: found, hasMore } = await house.store.list({ keyId, limit: 10, order: 'asc', ...query });
      return { ids: found.map(({ id }) => id), hasMore };
    };
    const after = (index: number): Partial<JobQuery> => ({ after: ids[index] as JobId });
    assert.deepEqual(await list({}), { ids, hasMore: false });
    assert.deepEqual(await list({ order: 'desc', limit: 3 }), {
      ids: ids.toReversed().slice(0, 3),
      hasMore: true,
    });
    assert.deepEqual(await list({ ...after(1), limit: 2 }), { ids: ids.slice(2), hasMore: false });
    assert.deepEqual((await list({ ...after(1), order: 'desc' })).ids, [ids[0]]);
    const even = jobs.filter((job) => job.model === model('even')).map(({ id }) => id);
    assert.deepEqual((await list({ model: model('even') })).ids, even);
    const [first] = jobs.filter((job) => job.model === model('odd'));
    assert.ok(first);
    await house.store.cancel(first.id, 'asked');
    assert.deepEqual((await list({ status: 'cancelled' })).ids, [first.id]);
    const middle = (jobs[2]?.createdAtMs ?? 0) - 5;
    const earlier = jobs.filter(({ createdAtMs }) => createdAtMs < middle).map(({ id }) => id);
    assert.deepEqual((await list({ createdBeforeMs: middle })).ids, earlier);
    const later = jobs.filter(({ createdAtMs }) => createdAtMs > middle).map(({ id }) => id);
    assert.deepEqual((await list({ createdAfterMs: middle })).ids, later);
  });
}
