import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobInbox, JobStore, WorkerBoard } from '../../src/api/ports.ts';
import type { RetentionStore, WebhookQueue } from '../../src/background/ports.ts';
import { RedisRetentionStore } from '../../src/queue/retention.ts';
import { RedisWebhookQueue } from '../../src/queue/webhook-queue.ts';
import { RedisWorkerBoard } from '../../src/queue/worker-board.ts';
import type { JobChannel, Lanes, WorkerDesk } from '../../src/worker/ports.ts';
import { aJob, model } from '../helpers/jobs.ts';
import { QueueHouse } from '../helpers/queue-house.ts';

test('a job goes its whole way through the ports that the towers own', async () => {
  await using house = await QueueHouse.open();
  const parts = await house.worker();
  const { clock, emit } = house;
  const { redis } = parts;
  const store: JobStore = await house.store();
  const inbox: JobInbox = await house.inbox();
  const lanes: Lanes = parts.lanes;
  const channel: JobChannel = parts.channel;
  const desk: WorkerDesk = parts.desk;
  const board: WorkerBoard = new RedisWorkerBoard({ redis, clock });
  const retention: RetentionStore = new RedisRetentionStore({ redis, emit });
  const webhooks: WebhookQueue = new RedisWebhookQueue({ redis, clock, emit });
  house.onClose(() => webhooks.stop(AbortSignal.timeout(1000)));

  const job = aJob({ inboxId: inbox.id, webhook: { url: 'https://example.org/hook', events: [] } });
  const settled = new Promise<string>((resolve) => {
    inbox.subscribe(job.id, (message) => message.type === 'settled' && resolve(message.status));
  });
  await store.submit(job, { queueCap: 5, retryAfterS: 1 });
  const claim = await lanes.claim(model('echo'), 'normal');
  assert.ok(claim);
  channel.progress(claim.record, 50, 'generating');
  await claim.settle({ kind: 'completed', result: { output: 'hi', files: [], usage: null } });
  assert.equal(await settled, 'completed');
  await desk.saveEstimates({ echo: 1 });
  assert.equal((await board.history('jobs', 1))[0]?.event.type, 'job.settled');
  const delivered = new Promise<string>((resolve) => {
    void webhooks.start(async ({ jobId }) => resolve(jobId));
  });
  assert.equal(await delivered, job.id);
  const prunedAtMs = clock.now() + job.resultTtlMs + 1;
  assert.deepEqual(await retention.pruneEnded(prunedAtMs), [job.id]);
  assert.equal(await store.find(job.id), 'expired');
});
