import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import type { Redis } from 'ioredis';
import type { JobId, KeyId } from '../../../src/contracts/ids.ts';
import { isTerminal } from '../../../src/contracts/job.ts';
import type { RedisJobStore } from '../../../src/queue/job-store.ts';
import { aJob } from '../../helpers/jobs.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';

const roomy = { queueCap: 1000, retryAfterS: 5 };
const window = { alone: 3, shared: 2, activeForMs: 600_000 };
const keyIds = ['zzzzzzzzzzzz', 'bbbbbbbbbbbb'] as KeyId[];
const script = join(import.meta.dirname, '../../fixtures/draining-worker.ts');
const lane = '{roundhouse}:m.echo.normal';

test('kill -9 of the worker while jobs enter from their backlogs: none is lost, doubled, or passed by a later one', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store(window);
  const redis = await house.connected('worker');
  const accepted = new Map<JobId, KeyId>();
  for (let at = 0; at < 150; at++) {
    const job = aJob({ keyId: keyIds[at % 3 === 0 ? 1 : 0] as KeyId });
    await store.submit(job, roomy);
    accepted.set(job.id, job.keyId);
  }
  for (let round = 1; round <= 6; round++) {
    await drainUntil(house, round * 3);
    const [held] = await redis.lrange(backlogOf(keyIds[0] as KeyId), 0, 0);
    if (held) await store.cancel(held as JobId, 'asked');
    await checkPlaces(store, redis, [...accepted.keys()]);
  }
  await drainUntil(house, Number.POSITIVE_INFINITY);
  await checkEnds(store, redis, accepted);
});

const backlogOf = (keyId: KeyId) => `{roundhouse}:backlog:m.echo.normal:${keyId}`;

/** Runs a worker process and kills it when so many jobs are done, or all are. */
async function drainUntil(house: QueueHouse, count: number): Promise<void> {
  const child = spawn(process.execPath, [script, house.redis.url, 'w1', 'echo'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  let done = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'drained' || ++done >= count) break;
  }
  child.kill('SIGKILL');
  await gone;
}

/** Each job that has not ended is in one place, and only there; what is counted is what waits. */
async function checkPlaces(store: RedisJobStore, redis: Redis, ids: readonly JobId[]): Promise<void> {
  const lists = [`${lane}:wait`, `${lane}:active`, ...keyIds.map(backlogOf)];
  const places = await Promise.all(lists.map((list) => redis.lrange(list, 0, -1)));
  const records = await Promise.all(ids.map((id) => store.find(id)));
  const live = records.filter(
    (record) => record !== null && record !== 'expired' && !isTerminal(record.status),
  );
  assert.deepEqual(places.flat().toSorted(), live.map((record) => (record as { id: JobId }).id).toSorted());
  const counted = await redis.hvals('{roundhouse}:window:m.echo.normal');
  assert.equal(
    counted.reduce((sum, each) => sum + Number(each), 0),
    places[0]?.length,
  );
}

async function checkEnds(store: RedisJobStore, redis: Redis, accepted: Map<JobId, KeyId>): Promise<void> {
  for (const id of accepted.keys()) {
    const record = await store.find(id);
    assert.ok(record && record !== 'expired');
    assert.ok(isTerminal(record.status), `${id} is still ${record.status}`);
    assert.ok(record.attempts <= 2);
    if (record.status === 'failed') assert.equal(record.error?.code, 'worker_lost');
  }
  const told = (await redis.xrange('{roundhouse}:history:jobs', '-', '+')).map(([, fields]) =>
    JSON.parse(fields[3] ?? ''),
  );
  const settled = told.filter(({ type }) => type === 'job.settled').map(({ jobId }) => jobId);
  assert.deepEqual(settled.toSorted(), [...accepted.keys()].toSorted());
  const starts = told.filter(({ type, attempt }) => type === 'job.started' && attempt === 1);
  for (const keyId of keyIds) {
    const started = starts.map(({ jobId }) => jobId).filter((id) => accepted.get(id) === keyId);
    const came = [...accepted.keys()].filter((id) => started.includes(id));
    assert.deepEqual(started, came);
  }
  assert.deepEqual(await redis.keys('{roundhouse}:backlog*'), []);
  assert.deepEqual(await redis.keys('{roundhouse}:window:*'), []);
}
