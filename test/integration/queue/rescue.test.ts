import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { aJob, model } from '../../helpers/jobs.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';

const roomy = { queueCap: 1000, retryAfterS: 5 };
const result = { output: { text: 'hi' }, files: [], usage: null };
const script = join(import.meta.dirname, '../../fixtures/claiming-worker.ts');

/** Starts a worker process, lets it claim, and kills it. Returns what it had claimed. */
async function claimAndDie(house: QueueHouse, name: string): Promise<{ claimed: string; attempt: number }> {
  const child = spawn(process.execPath, [script, house.redis.url, name, 'echo'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  try {
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    return JSON.parse(line);
  } finally {
    child.kill('SIGKILL');
    await gone;
  }
}

test('what a killed worker was running is taken back at the start of its successor', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const [job, next] = [aJob(), aJob()];
  await store.submit(job, roomy);
  await store.submit(next, roomy);
  assert.deepEqual(await claimAndDie(house, 'w1'), { claimed: job.id, attempt: 1 });
  const { lanes } = await house.worker({ name: 'w1' });
  await house.events.next('job.rescued', { jobId: job.id });
  await house.events.next('worker.started', { reclaimed: 1 });
  const record = await store.find(job.id);
  assert.ok(record && record !== 'expired' && record.status === 'queued');
  const claim = await lanes.claim(model('echo'), 'normal');
  assert.deepEqual([claim?.record.id, claim?.attempt], [job.id, 2]);
  assert.equal(await claim?.settle({ kind: 'completed', result }), 'completed');
});

test('a job that takes its worker down twice fails as worker_lost, and the next one runs', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const [poison, next] = [aJob(), aJob()];
  await store.submit(poison, roomy);
  await store.submit(next, roomy);
  assert.deepEqual(await claimAndDie(house, 'w1'), { claimed: poison.id, attempt: 1 });
  assert.deepEqual(await claimAndDie(house, 'w1'), { claimed: poison.id, attempt: 2 });
  const { lanes } = await house.worker({ name: 'w1' });
  const record = await store.find(poison.id);
  assert.ok(record && record !== 'expired');
  assert.deepEqual([record.status, record.error?.code, record.attempts], ['failed', 'worker_lost', 2]);
  assert.equal((await lanes.claim(model('echo'), 'normal'))?.record.id, next.id);
});

test('a job that was being cancelled when its worker died ends as cancelled', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const job = aJob();
  await store.submit(job, roomy);
  await claimAndDie(house, 'w1');
  assert.equal((await store.cancel(job.id, 'asked'))?.status, 'cancelling');
  const { lanes } = await house.worker({ name: 'w1' });
  const record = await store.find(job.id);
  assert.ok(record && record !== 'expired' && record.status === 'cancelled');
  assert.equal(await lanes.claim(model('echo'), 'normal'), null);
});

test("a worker of another name leaves a live worker's jobs alone", async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const mine = await house.worker({ name: 'mine' });
  const job = aJob();
  await store.submit(job, roomy);
  const claim = await mine.lanes.claim(model('echo'), 'normal');
  const other = await house.worker({ name: 'other' });
  assert.equal(await other.lanes.claim(model('echo'), 'normal'), null);
  assert.equal(await claim?.settle({ kind: 'completed', result }), 'completed');
});

test('the jobs of a worker that never returns are rescued by the others when its lock runs out', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const job = aJob();
  await store.submit(job, roomy);
  await claimAndDie(house, 'gone');
  const timing = { lockDurationMs: 2000, stalledIntervalMs: 50 };
  const { lanes, redis } = await house.worker({ name: 'other', timing });
  // Instead of waiting for its 30 seconds, and for the check that it made last.
  const lane = '{roundhouse}:m.echo.normal';
  await redis.del(`${lane}:${job.id}:lock`, `${lane}:stalled-check`);
  await house.events.next('job.rescued', { jobId: job.id });
  const claim = await lanes.claim(model('echo'), 'normal');
  assert.deepEqual([claim?.record.id, claim?.attempt], [job.id, 2]);
});

test('a result that was stored by a worker that died before it left the lane is not made again', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const job = aJob();
  await store.submit(job, roomy);
  await claimAndDie(house, 'w1');
  const redis = await house.connected('worker');
  await redis.hset(`{roundhouse}:job:${job.id}`, { status: 'completed', output: '{"text":"made"}' });
  const { lanes } = await house.worker({ name: 'w1' });
  assert.equal(await lanes.claim(model('echo'), 'normal'), null);
  const record = await store.find(job.id);
  assert.ok(record && record !== 'expired');
  assert.deepEqual([record.status, record.output, record.attempts], ['completed', { text: 'made' }, 1]);
});
