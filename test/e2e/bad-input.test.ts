import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { Box, type Orchestrator } from '../helpers/orchestrator.ts';
import { processOf } from '../helpers/processes.ts';
import { standInModels } from '../helpers/stand-in-models.ts';

interface Failure {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

const models = standInModels([
  { id: 'chat' },
  { id: 'broken', args: { habit: 'oom_text' } },
  {
    id: 'silent',
    args: { habit: 'hang_first_token' },
    more: { deadlines: { first_token: 0.5, inter_token: 0.5 } },
  },
]);
const messages = [{ role: 'user', content: 'hello' }];

let box: Box;
let house: Orchestrator;

before(async () => {
  box = await Box.create();
  house = await box.start({ models });
});

after(async () => {
  await house.stop();
  await box[Symbol.asyncDispose]();
});

async function refusal(path: string, init: RequestInit): Promise<[number, Failure['error']]> {
  const response = await house.fetch(path, init);
  return [response.status, ((await response.json()) as Failure).error];
}

const chat = (body: object, headers: Record<string, string> = {}) =>
  refusal('/v1/chat/completions', { method: 'POST', body: JSON.stringify(body), headers });

test('an unknown model is 404 model_not_found and names the models here', async () => {
  const [status, error] = await chat({ model: 'nothing', messages });
  assert.deepEqual([status, error.code, error.param], [404, 'model_not_found', 'model']);
  assert.match(error.message, /chat/);
});

test('a malformed body is 400 with the parameter that is wrong', async () => {
  const [status, error] = await chat({ model: 'chat', messages: [{ role: 'user', content: 7 }] });
  assert.deepEqual([status, error.type], [400, 'invalid_request_error']);
  assert.match(error.param ?? '', /^messages/);
  const [jsonStatus, jsonError] = await refusal('/jobs', { method: 'POST', body: '{"model":' });
  assert.deepEqual([jsonStatus, jsonError.code], [400, 'invalid_json']);
});

test('a missing and a wrong key are 401, also on loopback and whatever the headers say', async () => {
  const anonymous = await fetch(`${house.url}/v1/models`, {
    headers: { 'x-forwarded-for': '127.0.0.1', 'tailscale-user-login': 'me' },
  });
  assert.equal(anonymous.status, 401);
  const [status, error] = await chat({ model: 'chat', messages }, { authorization: 'Bearer wrong' });
  assert.deepEqual([status, error.code], [401, 'invalid_api_key']);
});

test('a body over the limit is 413', async () => {
  const content = 'x'.repeat(10 * 1024 * 1024);
  const [status, error] = await chat({ model: 'chat', messages: [{ role: 'user', content }] });
  assert.deepEqual([status, error.code], [413, 'payload_too_large']);
});

test('a model that cannot start is 503 with its reason and the end of its log, and others are unaffected', async () => {
  const [status, error] = await chat({ model: 'broken', messages });
  assert.deepEqual([status, error.code], [503, 'model_load_failed']);
  assert.match(error.message, /out of memory/i);
  const response = await house.fetch('/v1/chat/completions', {
    method: 'POST',
    body: JSON.stringify({ model: 'chat', messages }),
  });
  assert.equal(response.status, 200);
});

test('a hung server is ended, its job tried once more, and the next job of another model runs', async () => {
  const hung = chat({ model: 'silent', messages });
  await house.next('job.started', { model: 'silent', attempt: 1 });
  const next = house.fetch('/v1/chat/completions', {
    method: 'POST',
    body: JSON.stringify({ model: 'chat', messages }),
  });
  const [status, error] = await hung;
  assert.deepEqual([status, error.code], [503, 'model_hung']);
  assert.equal(house.events.of('job.started').filter(({ model }) => model === 'silent').length, 2);
  assert.equal((await next).status, 200);
});

test('Redis away is 503 at once, and all is well when it is back', async () => {
  const pid = await processOf(box.dir, /(redis|valkey)-server$/);
  process.kill(pid, 'SIGSTOP');
  const [status, error] = await chat({ model: 'chat', messages }).finally(() => process.kill(pid, 'SIGCONT'));
  assert.deepEqual([status, error.code], [503, 'queue_unavailable']);
  const job = await house.json<{ status: string }>('/jobs', { model: 'chat', input: { messages } });
  assert.equal(job.status, 'queued');
});

test('a taken port is told in one line: by whom, and what to set', async () => {
  const stranger = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => stranger.once('listening', resolve));
  const { port } = stranger.address() as AddressInfo;
  await using second = await Box.create();
  const refused = await second.spawn({ models, env: { ROUNDHOUSE_PORT: String(port) } });
  const fault = await refused.next('system.fault', { where: 'start' });
  stranger.close();
  assert.match(
    String(fault.message),
    new RegExp(`${port}.*(pid|process) ${process.pid}.*ROUNDHOUSE_PORT`, 'i'),
  );
  assert.doesNotMatch(String(fault.message), /\n/);
});
