import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { Box } from '../helpers/orchestrator.ts';
import { TestRedis } from '../helpers/redis.ts';
import { standInModels } from '../helpers/stand-in-models.ts';

const models = standInModels([{ id: 'chat', concurrency: 2, args: { token_ms: 20 } }]);
const input = (content: string) => ({ messages: [{ role: 'user', content }] });
const long = input('hello '.repeat(3000));

/** Two boxes with a disk each, and the address of one Redis, for now without the server. */
async function splitHouse() {
  const redis = await TestRedis.start();
  const [apiBox, workerBox] = [await Box.create(), await Box.create()];
  const env = { REDIS_URL: redis.url, ROUNDHOUSE_ARTIFACT_PORT: '0' };
  return {
    redis,
    apiBox,
    workerBox,
    api: { models, env, role: 'api' as const },
    worker: { models, env, role: 'worker' as const },
    async [Symbol.asyncDispose]() {
      await apiBox[Symbol.asyncDispose]();
      await workerBox[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
}

test('both halves start without Redis, say so, and work as soon as it is there', async () => {
  await using house = await splitHouse();
  await house.redis.kill();
  const [api, worker] = await Promise.all([
    house.apiBox.start(house.api),
    house.workerBox.spawn(house.worker),
  ]);
  const refused = await api.fetch('/jobs', {
    method: 'POST',
    body: JSON.stringify({ model: 'chat', input: input('hello') }),
  });
  const { error } = (await refused.json()) as { error: { code: string; message: string } };
  assert.deepEqual([refused.status, error.code], [503, 'queue_unavailable']);
  assert.doesNotMatch(error.message, /ECONN|ENOENT|Stream/);
  assert.equal((await fetch(`${api.url}/ready`)).status, 503);
  await house.redis.up();
  await worker.next('worker.started');
  await api.next('redis.back');
  const { id } = await api.json<{ id: string }>('/jobs', { model: 'chat', input: input('hello') });
  assert.equal((await api.json<{ status: string }>(`/jobs/${id}?wait=30`)).status, 'completed');
  assert.deepEqual([await api.stop(), await worker.stop()], [0, 0]);
});

test('SIGTERM ends a worker that still waits for Redis', async () => {
  await using house = await splitHouse();
  await house.redis.kill();
  const worker = await house.workerBox.spawn(house.worker);
  await worker.next('redis.unreachable');
  assert.equal(await worker.stop(), 0);
  assert.deepEqual(await house.workerBox.survivors(), []);
});

test('the stream of an API process that is killed is cancelled at its worker, a job that waits for nobody goes on', async () => {
  await using house = await splitHouse();
  const [api, worker] = await Promise.all([
    house.apiBox.start(house.api),
    house.workerBox.start(house.worker),
  ]);
  const stream = await api.fetch('/v1/chat/completions', {
    method: 'POST',
    body: JSON.stringify({ model: 'chat', stream: true, ...long }),
  });
  const kept = await api.json<{ id: string }>('/jobs', { model: 'chat', input: input('hello '.repeat(20)) });
  await worker.next('job.started', { jobId: kept.id });
  const body = stream.text().catch(() => 'cut');
  await api.kill();
  const jobId = stream.headers.get('x-job-id') ?? '';
  assert.equal((await worker.next('job.settled', { jobId })).status, 'cancelled');
  assert.equal((await worker.next('job.settled', { jobId: kept.id })).status, 'completed');
  assert.equal(await body, 'cut');
  assert.equal(await worker.stop(), 0);
});

test('a second worker of the same name refuses with code 75 and names the first', async () => {
  await using house = await splitHouse();
  const first = await house.workerBox.start(house.worker);
  const data = { ROUNDHOUSE_DATA: join(house.workerBox.dir, 'data2') };
  const second = await house.workerBox.spawn({ ...house.worker, env: { ...house.worker.env, ...data } });
  const exit = once(second.child, 'exit');
  const { message } = await second.next('system.fault', { where: 'start' });
  assert.match(String(message), new RegExp(`process ${first.pid}\\b.*ROUNDHOUSE_WORKER`));
  assert.deepEqual(await exit, [75, null]);
  assert.equal(await first.stop(), 0);
});
