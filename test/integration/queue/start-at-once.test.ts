import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import type { NewJob, Outcome } from '../../../src/contracts/job.ts';
import type { Claim } from '../../../src/queue/claim.ts';
import type { OfferStart } from '../../../src/queue/start-offer.ts';
import { aJob, model } from '../../helpers/jobs.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';

const roomy = { queueCap: 1000, retryAfterS: 5 };
const completed: Outcome = { kind: 'completed', result: { output: { text: 'hi' }, files: [], usage: null } };
const gone = errors.modelCrashed(model('echo'), 'it was killed').toBody();

/** A queue whose worker holds a slot for every job. */
async function aHouse({ isPatient = true } = {}) {
  const house = await QueueHouse.open();
  house.isPatient = isPatient;
  const { lanes, redis } = await house.worker();
  const claims: Claim[] = [];
  const declined: NewJob[] = [];
  const begun: NewJob[] = [];
  const offerStart: OfferStart = (job) => {
    const ticket = lanes.ticket(job.model, job.class);
    if (ticket === null) return null;
    return {
      ...ticket,
      begin: () => void begun.push(job),
      started: (mine, atMs) => void claims.push(ticket.open(mine, atMs)),
      declined: () => {
        ticket.close();
        declined.push(job);
      },
    };
  };
  const store = await house.store(undefined, offerStart);
  const plain = await house.store();
  return {
    house,
    lanes,
    redis,
    store,
    plain,
    claims,
    declined,
    begun,
    [Symbol.asyncDispose]: () => house[Symbol.asyncDispose](),
  };
}

type House = Awaited<ReturnType<typeof aHouse>>;

const beside = ['history:jobs', 'claims:w1', 'worker', 'active', ':meta', 'stalled'];

/** Everything in Redis that one job left; its names and times are made the same for all jobs, zeros are left out. */
async function traceOf({ redis }: House, job: NewJob): Promise<unknown> {
  const found: [string, unknown][] = [];
  for (const key of (await redis.keys('{roundhouse}:*')).sort()) {
    if (beside.some((part) => key.includes(part)) && !key.endsWith('normal:active')) continue;
    const type = await redis.type(key);
    const fields = type === 'hash' ? Object.entries(await redis.hgetall(key)) : [];
    const told = fields.filter(([, value]) => value !== '0' && value !== '').sort();
    if (told.length > 0) found.push([key, told]);
    if (type === 'list') found.push([key, await redis.lrange(key, 0, '-1')]);
    if (type === 'zset') found.push([key, await redis.zrange(key, 0, '-1')]);
    if (key.endsWith(':lock')) found.push([key, 'held']);
  }
  const text = JSON.stringify(found).replaceAll(job.id, 'ID');
  return JSON.parse(text.replaceAll(/w1:b[\w-]+:\d+/g, 'TOKEN').replaceAll(/"\d{9,13}"/g, '"TIME"'));
}

test('a job for which a slot is held leaves in Redis what an accepted and claimed one leaves', async () => {
  const job = aJob();
  const traces = [];
  for (const way of ['at once', 'from its lane'] as const) {
    await using box = await aHouse();
    await (way === 'at once' ? box.store : box.plain).submit(job, roomy);
    if (way === 'from its lane') box.claims.push((await box.lanes.claim(job.model, job.class)) as Claim);
    const running = await traceOf(box, job);
    assert.equal(box.claims.length, 1);
    const record = await box.plain.find(job.id);
    assert.deepEqual({ ...box.claims[0]?.record, startedAtMs: 0 }, { ...(record as object), startedAtMs: 0 });
    await box.claims[0]?.settle(completed);
    traces.push({ running, ended: await traceOf(box, job) });
  }
  assert.deepEqual(traces[0], traces[1]);
});

test('a job that started at once is told as accepted, then as started', async () => {
  await using box = await aHouse();
  const job = aJob();
  await box.store.submit(job, roomy);
  const told = box.house.events.all.filter(({ jobId }) => jobId === job.id);
  assert.deepEqual(
    told.map(({ type, isStarted }) => [type, isStarted]),
    [
      ['job.accepted', true],
      ['job.started', undefined],
    ],
  );
});

test('its server is told to begin once Redis has the job on its way, and before Redis has answered', async () => {
  await using box = await aHouse();
  const job = aJob();
  const submitting = box.store.submit(job, roomy);
  assert.deepEqual(box.begun, []);
  await new Promise(setImmediate);
  assert.deepEqual([box.begun, box.claims.length], [[job], 0]);
  await submitting;
  assert.equal(box.claims.length, 1);
});

test('a job does not overtake one that waits: its slot is given back', async () => {
  await using box = await aHouse();
  const [first, second] = [aJob({ class: 'batch' }), aJob()];
  await box.plain.submit(first, roomy);
  await box.store.submit(second, roomy);
  assert.deepEqual(box.declined, [second]);
  assert.equal((await box.lanes.claim(model('echo'), 'normal'))?.record.id, second.id);
});

test('a full queue gives the slot back', async () => {
  await using box = await aHouse();
  await assert.rejects(box.store.submit(aJob(), { ...roomy, queueCap: 0 }), { code: 'queue_full' });
  assert.equal(box.declined.length, 1);
});

test('a job that is not stored for certain gives the slot back', async () => {
  await using box = await aHouse({ isPatient: false });
  box.house.redis.signal('SIGSTOP');
  await assert.rejects(box.store.submit(aJob(), roomy), { code: 'queue_unavailable' });
  box.house.redis.signal('SIGCONT');
  assert.equal(box.declined.length, 1);
});

test('an acceptance that is sent again tells that the job has started', async () => {
  await using box = await aHouse();
  const ticket = box.lanes.ticket(model('echo'), 'normal');
  const starts: NewJob[] = [];
  const store = await box.house.store(
    undefined,
    () =>
      ticket && {
        ...ticket,
        begin: () => {},
        started: (job) => void starts.push(job),
        declined: () => assert.fail('declined'),
      },
  );
  const job = aJob();
  await store.submit(job, roomy);
  await store.submit(job, roomy);
  assert.deepEqual(starts, [job, job]);
  assert.equal(await box.redis.llen('{roundhouse}:m.echo.normal:active'), 1);
});

test('a job that started at once and is put back waits and expires like any other', async () => {
  await using box = await aHouse();
  const job = aJob();
  await box.store.submit(job, roomy);
  await box.claims[0]?.settle({ kind: 'snooze' });
  assert.notEqual(await box.redis.zscore('{roundhouse}:deadlines', job.id), null);
  const again = await box.lanes.claim(job.model, job.class);
  assert.deepEqual([again?.record.id, again?.attempt], [job.id, 1]);
  await again?.settle({ kind: 'retry', error: gone });
  const last = await box.lanes.claim(job.model, job.class);
  assert.equal(last?.attempt, 2);
  assert.equal(await last?.settle({ kind: 'retry', error: gone }), 'failed');
});

test('a job that started at once hears of its cancellation', async () => {
  await using box = await aHouse();
  const job = aJob();
  await box.store.submit(job, roomy);
  const [claim] = box.claims;
  const cancelled = new Promise((resolve) =>
    claim?.signal.addEventListener('abort', resolve, { once: true }),
  );
  await box.store.cancel(job.id, 'by its client');
  await cancelled;
  assert.equal(await claim?.settle({ kind: 'cancelled' }), 'cancelled');
});
