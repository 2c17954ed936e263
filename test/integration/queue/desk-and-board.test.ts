import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ControlMessage } from '../../../src/contracts/control.ts';
import type { WorkerView } from '../../../src/contracts/model.ts';
import { HistoryWriter } from '../../../src/queue/history.ts';
import { RedisWorkerBoard } from '../../../src/queue/worker-board.ts';
import { aJob, model } from '../../helpers/jobs.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';

const roomy = { queueCap: 1000, retryAfterS: 5 };
const result = { output: { text: 'hi' }, files: [], usage: null };

const aView = (name: string, atMs: number): WorkerView => ({
  name,
  bootId: 'b1',
  atMs,
  startedAtMs: atMs,
  host: 'here',
  artifactUrl: null,
  models: [],
  estimates: { echo: { loadMs: 1200, serviceMs: 300 } },
});

async function board(house: QueueHouse): Promise<RedisWorkerBoard> {
  return new RedisWorkerBoard({ redis: await house.connected('command'), clock: house.clock });
}

test('a worker is shown for as long as it publishes itself', async () => {
  await using house = await QueueHouse.open();
  const { desk } = await house.worker();
  const workers = await board(house);
  assert.deepEqual(await workers.workers(), []);
  const view = aView('w1', house.clock.now());
  await desk.publish(view);
  assert.deepEqual(await workers.workers(), [view]);
  house.clock.aheadMs = 16_000;
  assert.deepEqual(await workers.workers(), []);
});

test('every worker hears of every wish, in order', async () => {
  await using house = await QueueHouse.open();
  const desks = [(await house.worker({ name: 'a' })).desk, (await house.worker({ name: 'b' })).desk];
  const wishes: ControlMessage[] = [
    { type: 'load', model: model('echo') },
    { type: 'unload', model: model('echo') },
  ];
  const heard = desks.map(
    (desk) =>
      new Promise<ControlMessage[]>((resolve) => {
        const messages: ControlMessage[] = [];
        desk.onControl((message) => {
          if (messages.push(message) === wishes.length) resolve(messages);
        });
      }),
  );
  const workers = await board(house);
  for (const wish of wishes) await workers.send(wish);
  assert.deepEqual(await Promise.all(heard), [wishes, wishes]);
});

test('a pause is kept over a restart of Redis and shown in the snapshot until it is taken back', async () => {
  await using house = await QueueHouse.open();
  const { lanes } = await house.worker();
  const workers = await board(house);
  await workers.send({ type: 'pause', model: model('echo') });
  await house.redis.kill();
  await house.events.next('redis.unreachable');
  await house.redis.up();
  await house.events.next('redis.back');
  assert.deepEqual([...(await workers.pausedModels())], ['echo']);
  assert.equal((await lanes.snapshot())[0]?.paused, true);
  await workers.send({ type: 'resume', model: model('echo') });
  assert.equal((await lanes.snapshot())[0]?.paused, false);
});

test('a worker that waits is woken by a job, by a wish, by a call and by the end of its time', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const workers = await board(house);
  const long = 3_600_000;
  const byJob = lanes.waitForWork(long);
  await store.submit(aJob(), roomy);
  await byJob;
  const byWish = lanes.waitForWork(long);
  await workers.send({ type: 'load', model: model('echo') });
  await byWish;
  const byCall = lanes.waitForWork(long);
  lanes.wake();
  await byCall;
  lanes.wake();
  await lanes.waitForWork(long);
  await lanes.waitForWork(1);
});

test('what a worker learned is there when it starts again', async () => {
  await using house = await QueueHouse.open();
  const first = await house.worker();
  assert.equal(await first.desk.loadEstimates(), null);
  await first.desk.saveEstimates({ echo: { loadMs: 1234 } });
  const second = await house.worker();
  assert.deepEqual(await second.desk.loadEstimates(), { echo: { loadMs: 1234 } });
});

test('the history of a job tells each step once, newest first, also after a restart of Redis', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const { lanes } = await house.worker();
  const workers = await board(house);
  const job = aJob();
  await store.submit(job, roomy);
  await (await lanes.claim(model('echo'), 'normal'))?.settle({ kind: 'completed', result });
  await house.redis.kill();
  await house.events.next('redis.unreachable');
  await house.redis.up();
  await house.events.next('redis.back');
  const entries = await workers.history('jobs', 10);
  assert.deepEqual(
    entries.map(({ event }) => event.type),
    ['job.settled', 'job.started', 'job.accepted'],
  );
  const first = entries.at(-1)?.event;
  assert.ok(first?.type === 'job.accepted' && first.keyId === job.keyId && first.class === job.class);
  const [settled] = entries;
  assert.ok(settled && settled.event.type === 'job.settled');
  assert.deepEqual([settled.event.jobId, settled.event.status], [job.id, 'completed']);
});

test('swaps and model states are kept, bounded', async () => {
  await using house = await QueueHouse.open();
  const { redis } = await house.worker();
  const writer = new HistoryWriter({ redis, clock: house.clock });
  const workers = await board(house);
  const facts = { evict: [], reason: 'pain', why: 'it waits' };
  writer.record({ type: 'swap.started', load: model('echo'), ...facts });
  for (let at = 0; at < 12_000; at++) {
    writer.record({
      type: 'model.state-changed',
      model: model('echo'),
      from: 'ready',
      to: 'draining',
      reason: null,
    });
  }
  await redis.ping();
  const kept = await redis.xlen('{roundhouse}:history:models');
  assert.ok(kept >= 10_000 && kept < 12_000, `${kept} entries`);
  const [swap] = await workers.history('swaps', 1);
  assert.deepEqual(swap?.event, { type: 'swap.started', load: 'echo', ...facts });
  assert.equal((await workers.history('models', 3)).length, 3);
});

test('a ping measures the way to Redis and fails without it', async () => {
  await using house = await QueueHouse.open();
  const workers = await board(house);
  assert.ok((await workers.ping()) > 0);
  await house.redis.kill();
  await house.events.next('redis.unreachable');
  await assert.rejects(workers.ping(), { code: 'queue_unavailable' });
});
