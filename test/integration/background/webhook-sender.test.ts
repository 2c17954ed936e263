import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import OpenAI from 'openai';
import { Webhook } from 'standardwebhooks';
import type { WebhookDelivery, WebhookQueue } from '../../../src/background/ports.ts';
import { WebhookSender } from '../../../src/background/webhook-sender.ts';
import type { JobRecord } from '../../../src/contracts/job.ts';
import type { WebhookPolicy } from '../../../src/contracts/registry.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { SignedLinks } from '../../../src/platform/signed-links.ts';
import { createGuardedClient } from '../../../src/platform/webhook-address.ts';
import { aRecord } from '../../fakes/a-record.ts';
import { EventRecorder } from '../../helpers/event-recorder.ts';

const vector = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/webhook-signature.json'), 'utf8'),
) as Record<'secret' | 'webhook-id' | 'webhook-timestamp' | 'webhook-signature' | 'body', string>;
const { secret } = vector;
const eventId = 'evt_01K000000000000000000000AA';
const loopback: WebhookPolicy = { allowHttp: true, allowCidrs: ['127.0.0.0/8'] };

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver that answers what a test says. */
async function receiver(status: number | null) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push({ headers: request.headers, body });
    server.emit('received');
    if (status !== null) response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end('thanks');
  });
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  return {
    received,
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A queue that hands out what a test puts in, and remembers how each delivery stood. */
class FakeWebhookQueue implements WebhookQueue {
  readonly reports: { readonly status: string; readonly error: string | null }[] = [];
  private run: (delivery: WebhookDelivery) => Promise<void> = async () => assert.fail('not started');

  async start(deliver: (delivery: WebhookDelivery) => Promise<void>): Promise<void> {
    this.run = deliver;
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (!deadline.aborted) await once(deadline, 'abort');
  }

  deliver(record: JobRecord | null, facts: Partial<WebhookDelivery> = {}): Promise<void> {
    const { id: jobId } = record ?? aRecord();
    const report = async (outcome: { status: string; error: string | null }): Promise<void> => {
      this.reports.push(outcome);
    };
    return this.run({ eventId, jobId, attempt: 1, lastAttempt: false, record, report, ...facts });
  }
}

async function house(policy: WebhookPolicy = loopback) {
  const queue = new FakeWebhookQueue();
  const events = new EventRecorder();
  const sender = new WebhookSender({
    queue,
    client: createGuardedClient(policy),
    secret,
    publicUrl: 'https://box.example/',
    links: new SignedLinks('secret of a test'),
    clock: systemClock,
    emit: events.emit,
  });
  await sender.start();
  return { queue, events, sender };
}

const owing = (url: string, facts: Partial<JobRecord> = {}): JobRecord =>
  aRecord({ webhook: { url, events: [], status: 'pending', attempts: 0, lastError: null }, ...facts });

const signedHeaders = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(
    ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [name, String(headers[name])]),
  );

test('the signing library makes the signature that OpenAI recorded', () => {
  const sentAt = new Date(Number(vector['webhook-timestamp']) * 1000);
  const made = new Webhook(secret).sign(vector['webhook-id'], sentAt, vector.body);
  assert.equal(made, vector['webhook-signature']);
});

test('a delivery carries the event, signed so that two verifiers accept it', async () => {
  await using at = await receiver(200);
  const { queue, events } = await house();
  await queue.deliver(owing(at.url));
  const [{ headers, body } = { headers: {}, body: '' }] = at.received;
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers['webhook-id'], eventId);
  assert.equal(headers['x-job-id'], aRecord().id);
  assert.match(headers['user-agent'] ?? '', /^Roundhouse/);
  new Webhook(secret).verify(body, signedHeaders(headers));
  const client = new OpenAI({ apiKey: 'unused', webhookSecret: secret, baseURL: 'http://127.0.0.1:1' });
  const event = await client.webhooks.unwrap(body, signedHeaders(headers));
  assert.equal(event.type as string, 'job.completed');
  assert.match(body, /"get":"https:\/\/box\.example\/jobs\/job_/);
  assert.deepEqual(queue.reports, [{ status: 'delivered', error: null }]);
  await events.next('webhook.delivered', { attempt: 1, status: 200 });
});

test('a changed body is not accepted by a verifier', async () => {
  await using at = await receiver(200);
  const { queue } = await house();
  await queue.deliver(owing(at.url));
  const [{ headers, body } = { headers: {}, body: '' }] = at.received;
  assert.throws(() =>
    new Webhook(secret).verify(body.replace('completed', 'failed'), signedHeaders(headers)),
  );
});

test('a receiver that fails is tried again, with the same id and a fresh signature', async () => {
  await using at = await receiver(503);
  const { queue, events } = await house();
  await assert.rejects(queue.deliver(owing(at.url)), /answered 503/);
  await assert.rejects(queue.deliver(owing(at.url), { attempt: 2 }), /answered 503/);
  assert.deepEqual(
    at.received.map(({ headers }) => headers['webhook-id']),
    [eventId, eventId],
  );
  for (const { headers, body } of at.received) new Webhook(secret).verify(body, signedHeaders(headers));
  const error = 'http_status: the receiver answered 503';
  assert.deepEqual(queue.reports, [
    { status: 'pending', error },
    { status: 'pending', error },
  ]);
  await events.next('webhook.failed', { attempt: 2, reason: error, retryInMs: 4000 });
});

test('the last attempt that fails is told as the end', async () => {
  await using at = await receiver(500);
  const { queue, events } = await house();
  await assert.rejects(queue.deliver(owing(at.url), { attempt: 5, lastAttempt: true }));
  assert.equal(queue.reports[0]?.status, 'failed');
  await events.next('webhook.failed', { attempt: 5, retryInMs: null });
});

test('a receiver that is gone for good (410) is not asked again', async () => {
  await using at = await receiver(410);
  const { queue, events } = await house();
  await queue.deliver(owing(at.url));
  assert.deepEqual(queue.reports, [{ status: 'failed', error: 'http_status: the receiver answered 410' }]);
  await events.next('webhook.failed', { retryInMs: null });
});

test('a redirect is a failure', async () => {
  await using at = await receiver(302);
  const { queue } = await house();
  await assert.rejects(queue.deliver(owing(at.url)), /redirect: the receiver answered 302/);
  assert.equal(at.received.length, 1);
});

test('a private address is not reached, whatever was allowed when the job was accepted', async () => {
  await using at = await receiver(200);
  const { queue } = await house({ allowHttp: true, allowCidrs: [] });
  await queue.deliver(owing(at.url));
  assert.equal(at.received.length, 0);
  assert.equal(queue.reports[0]?.status, 'failed');
  assert.match(queue.reports[0]?.error ?? '', /^blocked_address: /);
});

test('a receiver that is away is tried again', async () => {
  const at = await receiver(200);
  await at[Symbol.asyncDispose]();
  const { queue } = await house();
  await assert.rejects(queue.deliver(owing(at.url)), /connect: ECONNREFUSED/);
});

test('a job whose record is gone is told and done', async () => {
  const { queue, events } = await house();
  await queue.deliver(null);
  await events.next('webhook.failed', { retryInMs: null });
  assert.deepEqual(queue.reports, []);
});

test('a job that owes nothing gets nothing', async () => {
  const { queue, events } = await house();
  await queue.deliver(aRecord());
  assert.deepEqual(events.all, []);
});

test('a delivery that the end of the process cuts off is tried again later, even the last one', async () => {
  await using at = await receiver(null);
  const { queue, sender } = await house();
  const received = once(at.server, 'received');
  const cutOff = assert.rejects(queue.deliver(owing(at.url), { lastAttempt: true }));
  await received;
  const deadline = new AbortController();
  const stopped = sender.stop(deadline.signal);
  deadline.abort();
  await stopped;
  await cutOff;
  assert.deepEqual(queue.reports, []);
});

test('a secret that is none is noticed at once', () => {
  const client = createGuardedClient(loopback);
  const options = {
    queue: new FakeWebhookQueue(),
    client,
    publicUrl: null,
    links: new SignedLinks('x'),
    clock: systemClock,
    emit: () => {},
  };
  assert.throws(() => new WebhookSender({ ...options, secret: '' }));
});
