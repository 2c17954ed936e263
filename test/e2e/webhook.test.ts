import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import OpenAI from 'openai';
import { Box } from '../helpers/orchestrator.ts';
import { standInModels } from '../helpers/stand-in-models.ts';

const chat = { model: 'chat', input: { messages: [{ role: 'user', content: 'hello' }] } };
const local = { webhooks: { allow_http: true, allow_cidrs: ['127.0.0.0/8'] } };

interface Call {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers the first `failures` calls with 500. */
async function receiver(failures: number) {
  const calls: Call[] = [];
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    calls.push({ headers: request.headers, body: Buffer.concat(await request.toArray()).toString() });
    response.statusCode = calls.length <= failures ? 500 : 204;
    response.end();
    if (calls.length > failures) resolve();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return { url, calls, done, [Symbol.dispose]: () => server.close() };
}

test('a job with a webhook is told of once, signed, after a try that failed', async () => {
  await using box = await Box.create();
  using hook = await receiver(1);
  const house = await box.start({ models: standInModels([{ id: 'chat' }], local) });
  const job = await house.json<{ id: string }>('/jobs', { ...chat, webhook: hook.url });
  await hook.done;
  await house.next('webhook.delivered', { jobId: job.id });
  const [first, second] = hook.calls as [Call, Call];
  assert.equal(hook.calls.length, 2);
  assert.equal(first.headers['webhook-id'], second.headers['webhook-id']);
  const secret = (await readFile(join(box.dataDir, 'webhook-secret'), 'utf8')).trim();
  const openai = new OpenAI({ apiKey: 'none', webhookSecret: secret });
  const event = (await openai.webhooks.unwrap(
    second.body,
    second.headers as Record<string, string>,
  )) as unknown as {
    type: string;
    data: { id: string; status: string };
  };
  assert.deepEqual([event.type, event.data.id, event.data.status], ['job.completed', job.id, 'completed']);
  assert.equal(await house.stop(), 0);
});

test('a webhook to a private address is refused when the job is sent, and reaches nobody', async () => {
  await using box = await Box.create();
  using hook = await receiver(0);
  const house = await box.start({
    models: standInModels([{ id: 'chat' }], { webhooks: { allow_http: true } }),
  });
  const response = await house.fetch('/jobs', {
    method: 'POST',
    body: JSON.stringify({ ...chat, webhook: hook.url }),
  });
  assert.equal(response.status, 400);
  assert.equal(
    ((await response.json()) as { error: { code: string } }).error.code,
    'webhook_address_blocked',
  );
  assert.equal(hook.calls.length, 0);
  assert.equal(await house.stop(), 0);
});
