import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import OpenAI from 'openai';
import { Janitor } from '../../../src/background/janitor.ts';
import { WebhookSender } from '../../../src/background/webhook-sender.ts';
import type { JobId } from '../../../src/contracts/ids.ts';
import { ArtifactStore } from '../../../src/platform/artifact-store.ts';
import { makeWebhookSecret } from '../../../src/platform/secret-file.ts';
import { SignedLinks } from '../../../src/platform/signed-links.ts';
import { pieceOf } from '../../../src/platform/stream-head.ts';
import { createGuardedClient } from '../../../src/platform/webhook-address.ts';
import { RedisRetentionStore } from '../../../src/queue/retention.ts';
import { RedisWebhookQueue } from '../../../src/queue/webhook-queue.ts';
import { aJob, model } from '../../helpers/jobs.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';
import { TempDir } from '../../helpers/temp-dir.ts';

const roomy = { queueCap: 1000, retryAfterS: 5 };

test('a job that ends calls back, is tried again while the receiver fails, and its record says how it stands', async () => {
  const received: { headers: Record<string, string>; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push({ headers: request.headers as Record<string, string>, body });
    response.writeHead(received.length === 1 ? 500 : 200).end();
  });
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  await using house = await QueueHouse.open();
  house.onClose(() => new Promise((resolve) => server.close(resolve)));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const secret = makeWebhookSecret();
  const redis = await house.connected('worker');
  const timing = { attempts: 3, firstDelayMs: 10, lockDurationMs: 30_000 };
  const sender = new WebhookSender({
    queue: new RedisWebhookQueue({ redis, clock: house.clock, emit: house.emit, timing }),
    client: createGuardedClient({ allowHttp: true, allowCidrs: ['127.0.0.0/8'] }),
    secret,
    publicUrl: 'https://box.example',
    links: new SignedLinks('secret of a test'),
    clock: house.clock,
    emit: house.emit,
  });
  await sender.start();
  house.onClose(() => sender.stop(AbortSignal.timeout(1000)));
  const store = await house.store();
  const job = aJob({ webhook: { url, events: [] } });
  await store.submit(job, roomy);
  await store.cancel(job.id, 'asked');
  await house.events.next('webhook.failed', { attempt: 1 });
  await house.events.next('webhook.delivered', { attempt: 2 });
  const [first, second] = received;
  assert.equal(first?.headers['webhook-id'], job.id.replace('job_', 'evt_'));
  assert.equal(second?.headers['webhook-id'], first?.headers['webhook-id']);
  const openai = new OpenAI({ apiKey: 'unused', webhookSecret: secret, baseURL: 'http://127.0.0.1:1' });
  const event = await openai.webhooks.unwrap(second?.body ?? '', second?.headers ?? {});
  assert.equal(event.type as string, 'job.cancelled');
  assert.equal((event as unknown as { data: { id: string } }).data.id, job.id);
  const record = await store.find(job.id);
  assert.ok(record && record !== 'expired');
  assert.deepEqual([record.webhook?.status, record.webhook?.attempts], ['delivered', 2]);
});

test('the janitor ends jobs that waited too long, and removes records and files past their retention', async () => {
  await using house = await QueueHouse.open();
  await using dir = await TempDir.create();
  const store = await house.store();
  const { lanes } = await house.worker();
  const artifacts = new ArtifactStore({ root: dir.path('artifacts'), minFreeBytes: 0, minFreeShare: 0 });
  const done = aJob({ resultTtlMs: 60_000, queueDeadlineMs: Date.now() + 3_600_000 });
  const late = aJob({ queueDeadlineMs: Date.now() + 60_000 });
  await store.submit(done, roomy);
  const claim = await lanes.claim(model('echo'), 'normal');
  assert.equal(claim?.record.id, done.id);
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('sound');
  }
  const file = await artifacts.write(done.id, 0, 'audio/wav', bytes());
  await claim?.settle({ kind: 'completed', result: { output: null, files: [file], usage: null } });
  await store.submit(late, roomy);
  house.clock.aheadMs = 120_000;
  const stateOf = async (id: JobId) => {
    const record = await store.find(id);
    return record === null || record === 'expired' ? 'unknown' : 'ended';
  };
  const retention = new RedisRetentionStore({ redis: await house.connected('worker'), emit: house.emit });
  const janitor = new Janitor({
    ...{ store: retention, artifacts, stateOf, clock: house.clock, emit: house.emit },
    ...{ artifactsMaxBytes: 1_000_000, dataRemoval: retention, uploads: null },
  });
  await janitor.start();
  await house.events.next('janitor.swept', { expired: 1 });
  await house.events.next('janitor.swept', { records: 1 });
  await janitor.stop(AbortSignal.timeout(5000));
  assert.equal(await store.find(done.id), 'expired');
  assert.equal(await artifacts.open(done.id, 0), null);
  const expired = await store.find(late.id);
  assert.ok(expired && expired !== 'expired');
  assert.equal(expired.status, 'expired');
});

test('files over their room go with a word in the record; those of a job that runs stay', async () => {
  await using house = await QueueHouse.open();
  await using dir = await TempDir.create();
  const store = await house.store();
  const { lanes } = await house.worker();
  const artifacts = new ArtifactStore({ root: dir.path('artifacts'), minFreeBytes: 0, minFreeShare: 0 });
  const [done, running] = [aJob(), aJob()];
  const claimed = async (job: typeof done) => {
    await store.submit(job, roomy);
    const claim = await lanes.claim(model('echo'), 'normal');
    assert.equal(claim?.record.id, job.id);
    return { claim, file: await artifacts.write(job.id, 0, 'image/png', pieceOf(Buffer.alloc(1000))) };
  };
  const first = await claimed(done);
  await first.claim?.settle({
    kind: 'completed',
    result: { output: null, files: [first.file], usage: null },
  });
  const second = await claimed(running);
  const retention = new RedisRetentionStore({ redis: await house.connected('worker'), emit: house.emit });
  const janitor = new Janitor({
    ...{ store: retention, artifacts, clock: house.clock, emit: house.emit },
    ...{ artifactsMaxBytes: 10, dataRemoval: retention, uploads: null, stateOf: async () => 'live' },
  });
  await janitor.start();
  await house.events.next('artifacts.fitted', { jobs: 1 });
  await janitor.stop(AbortSignal.timeout(5000));
  const records = await Promise.all([store.find(done.id), store.find(running.id)]);
  const removed = records.map((record) => record && record !== 'expired' && record.dataRemoved);
  assert.deepEqual(removed, [true, false]);
  assert.equal(await artifacts.open(done.id, 0), null);
  (await artifacts.open(running.id, 0))?.destroy();
  assert.equal(second.file.bytes, 1000);
});
