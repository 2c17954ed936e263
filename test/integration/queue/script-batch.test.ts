import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Redis } from 'ioredis';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import { keys, laneName } from '../../../src/queue/keys.ts';
import { aJob, model } from '../../helpers/jobs.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';

const roomy = { queueCap: 1000, retryAfterS: 5 };

async function scriptsSoFar(redis: Redis): Promise<number> {
  const stats = await redis.info('commandstats');
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

const jobs = (count: number) => Array.from({ length: count }, () => aJob());

test('jobs that come in one turn of the event loop are accepted in few scripts, in their order', async () => {
  await using house = await QueueHouse.open();
  const [store, redis] = [await house.store(), await house.connected('command')];
  await store.submit(aJob(), roomy);
  const before = await scriptsSoFar(redis);
  const sent = jobs(20);
  await Promise.all(sent.map((job) => store.submit(job, roomy)));
  assert.equal((await scriptsSoFar(redis)) - before, 3);
  const { lanes } = await house.worker();
  const first = await lanes.claim(sent[0]?.model ?? ('' as never), 'normal');
  await first?.settle({ kind: 'cancelled' });
  for (const { id, model } of sent) {
    const claim = await lanes.claim(model, 'normal');
    assert.equal(claim?.record.id, id);
    await claim?.settle({ kind: 'cancelled' });
  }
});

test('attempts that end in one turn of the event loop are settled in one script', async () => {
  await using house = await QueueHouse.open();
  const [store, { lanes, redis }] = [await house.store(), await house.worker()];
  const sent = jobs(6);
  await Promise.all(sent.map((job) => store.submit(job, roomy)));
  const claims = await Promise.all(sent.map(({ model }) => lanes.claim(model, 'normal')));
  const [warm, ...others] = claims;
  await warm?.settle({ kind: 'cancelled' });
  const before = await scriptsSoFar(redis);
  const output = { text: 'größer\u0000\ud800' };
  const ends = others.map((claim, at) =>
    claim?.settle(
      at % 2 === 0
        ? { kind: 'completed', result: { output: { ...output, at }, files: [], usage: { tokens: at } } }
        : { kind: 'cancelled' },
    ),
  );
  assert.deepEqual(await Promise.all(ends), [
    'completed',
    'cancelled',
    'completed',
    'cancelled',
    'completed',
  ]);
  assert.equal((await scriptsSoFar(redis)) - before, 1);
  const third = await store.find(others[2]?.record.id ?? ('' as never));
  assert.ok(third !== null && third !== 'expired');
  assert.deepEqual([third.output, third.usage], [{ ...output, at: 2 }, { tokens: 2 }]);
});

test('a job that cannot be put into its lane is refused and withdrawn, and those with it are accepted', async () => {
  await using house = await QueueHouse.open();
  const [store, redis] = [await house.store(), await house.connected('command')];
  const sent = jobs(3);
  await redis.set(`{roundhouse}:${laneName(model('echo'), 'normal')}:${sent[1]?.id}`, 'no hash');
  const ends = await Promise.allSettled(sent.map((job) => store.submit(job, roomy)));
  assert.deepEqual(
    ends.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  await house.events.next('job.settled', { jobId: sent[1]?.id, status: 'cancelled' });
  const found = await Promise.all(sent.map(({ id }) => store.find(id)));
  assert.deepEqual(
    found.map((record) => record !== null && record !== 'expired' && record.status),
    ['queued', 'cancelled', 'queued'],
  );
});

test('an attempt that cannot be settled is tried again, and those with it are settled and told once', async () => {
  await using house = await QueueHouse.open();
  const [store, { lanes, redis }] = [await house.store(), await house.worker()];
  const sent = jobs(3);
  await Promise.all(sent.map((job) => store.submit(job, roomy)));
  const claims = await Promise.all(sent.map(({ model }) => lanes.claim(model, 'normal')));
  const broken = keys.job(claims[1]?.record.id ?? ('' as never));
  await redis.set(broken, 'no record');
  const settling = claims.map((claim) => claim?.settle({ kind: 'cancelled' }));
  assert.deepEqual(await Promise.all([settling[0], settling[2]]), ['cancelled', 'cancelled']);
  await house.events.next('system.fault');
  await redis.del(broken);
  assert.equal(await settling[1], 'expired');
  const told = house.events.of('job.settled').map(({ jobId }) => jobId);
  assert.deepEqual(told, [claims[0]?.record.id, claims[2]?.record.id]);
});

test('an error that ends in half a character is told and stored', async () => {
  await using house = await QueueHouse.open();
  const [store, { lanes }] = [await house.store(), await house.worker()];
  const job = aJob();
  await store.submit(job, roomy);
  const claim = await lanes.claim(job.model, 'normal');
  const error = errors.modelError('half \ud83d').toBody();
  assert.equal(await claim?.settle({ kind: 'failed', error }), 'failed');
  await house.events.next('job.settled', { jobId: job.id, status: 'failed' });
  const record = await store.find(job.id);
  assert.ok(record !== null && record !== 'expired');
  assert.equal(record.error?.message, error.message);
});
