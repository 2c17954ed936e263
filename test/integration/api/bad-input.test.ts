import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiBox, errorOf } from '../../fakes/api-box.ts';

const chat = '/v1/chat/completions';
const hello = [{ role: 'user', content: 'hello' }];

interface Refusal {
  readonly what: string;
  readonly path: string;
  readonly body: unknown;
  readonly status?: number;
  readonly code: string;
  readonly param?: string | null;
}

const refusals: readonly Refusal[] = [
  { what: 'no messages', path: chat, body: {}, code: 'missing_required_parameter', param: 'messages' },
  { what: 'empty messages', path: chat, body: { messages: [] }, code: 'invalid_value', param: 'messages' },
  {
    what: 'messages that are text',
    path: chat,
    body: { messages: 'hi' },
    code: 'invalid_value',
    param: 'messages',
  },
  {
    what: 'a message without a role',
    path: chat,
    body: { messages: [...hello, { content: 'x' }] },
    code: 'missing_required_parameter',
    param: 'messages[1].role',
  },
  {
    what: 'a role that there is not',
    path: chat,
    body: { messages: [{ role: 'robot', content: 'x' }] },
    code: 'invalid_value',
    param: 'messages[0].role',
  },
  {
    what: 'a user message without content',
    path: chat,
    body: { messages: [{ role: 'user' }] },
    code: 'missing_required_parameter',
    param: 'messages[0].content',
  },
  {
    what: 'a content part without a type',
    path: chat,
    body: { messages: [{ role: 'user', content: [{ text: 'x' }] }] },
    code: 'missing_required_parameter',
    param: 'messages[0].content[0].type',
  },
  {
    what: 'stream as text',
    path: chat,
    body: { messages: hello, stream: 'true' },
    code: 'invalid_value',
    param: 'stream',
  },
  { what: 'n over 10', path: chat, body: { messages: hello, n: 11 }, code: 'invalid_value', param: 'n' },
  {
    what: 'a hot temperature',
    path: chat,
    body: { messages: hello, temperature: 2.5 },
    code: 'invalid_value',
    param: 'temperature',
  },
  {
    what: 'max_tokens of 0',
    path: chat,
    body: { messages: hello, max_tokens: 0 },
    code: 'invalid_value',
    param: 'max_tokens',
  },
  {
    what: 'malformed tools',
    path: chat,
    body: { messages: hello, tools: [7] },
    code: 'invalid_value',
    param: 'tools[0]',
  },
  {
    what: 'a model that is a number',
    path: chat,
    body: { model: 7, messages: hello },
    code: 'invalid_value',
    param: 'model',
  },
  {
    what: 'an unknown model',
    path: chat,
    body: { model: 'gpt-9', messages: hello },
    status: 404,
    code: 'model_not_found',
    param: 'model',
  },
  {
    what: "a model's name that every object has",
    path: chat,
    body: { model: '__proto__', messages: hello },
    status: 404,
    code: 'model_not_found',
    param: 'model',
  },
  {
    what: 'a voice asked to chat',
    path: chat,
    body: { model: 'piper', messages: hello },
    code: 'unsupported_endpoint',
    param: 'model',
  },
  {
    what: 'no prompt',
    path: '/v1/completions',
    body: {},
    code: 'missing_required_parameter',
    param: 'prompt',
  },
  {
    what: 'a prompt that is an object',
    path: '/v1/completions',
    body: { prompt: {} },
    code: 'invalid_value',
    param: 'prompt',
  },
  {
    what: 'no speech input',
    path: '/v1/audio/speech',
    body: { voice: 'alloy' },
    code: 'missing_required_parameter',
    param: 'input',
  },
  {
    what: 'speech input over 4096 characters',
    path: '/v1/audio/speech',
    body: { input: 'x'.repeat(4097), voice: 'alloy' },
    code: 'invalid_value',
    param: 'input',
  },
  {
    what: 'a speed of 5',
    path: '/v1/audio/speech',
    body: { input: 'x', speed: 5 },
    code: 'invalid_value',
    param: 'speed',
  },
  {
    what: 'an audio format that there is not',
    path: '/v1/audio/speech',
    body: { input: 'x', response_format: 'midi' },
    code: 'invalid_value',
    param: 'response_format',
  },
  {
    what: 'a job without model',
    path: '/jobs',
    body: { input: {} },
    code: 'missing_required_parameter',
    param: 'model',
  },
  {
    what: 'a job without input',
    path: '/jobs',
    body: { model: 'piper' },
    code: 'missing_required_parameter',
    param: 'input',
  },
  {
    what: 'a job with an unknown field',
    path: '/jobs',
    body: { model: 'piper', input: { input: 'x' }, prio: 1 },
    code: 'unknown_parameter',
    param: 'prio',
  },
  {
    what: 'a job with an unknown policy',
    path: '/jobs',
    body: { model: 'piper', input: { input: 'x' }, policy: { ttl: 1 } },
    code: 'unknown_parameter',
    param: 'policy.ttl',
  },
  {
    what: 'a job whose input is wrong',
    path: '/jobs',
    body: { model: 'smollm2', input: { messages: [{ role: 'user' }] } },
    code: 'missing_required_parameter',
    param: 'input.messages[0].content',
  },
  {
    what: 'a job for an endpoint that its model lacks',
    path: '/jobs',
    body: { model: 'piper', endpoint: chat, input: { messages: hello } },
    code: 'unsupported_endpoint',
    param: 'model',
  },
  {
    what: 'a job for an unknown model',
    path: '/jobs',
    body: { model: 'nope', input: {} },
    status: 404,
    code: 'model_not_found',
    param: 'model',
  },
  {
    what: 'a priority that there is not',
    path: '/jobs',
    body: { model: 'piper', input: { input: 'x' }, priority: 'urgent' },
    code: 'invalid_value',
    param: 'priority',
  },
  {
    what: 'metadata that is not text',
    path: '/jobs',
    body: { model: 'piper', input: { input: 'x' }, metadata: { a: 1 } },
    code: 'invalid_value',
    param: 'metadata.a',
  },
  {
    what: 'too much metadata',
    path: '/jobs',
    body: {
      model: 'piper',
      input: { input: 'x' },
      metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v'])),
    },
    code: 'invalid_value',
    param: 'metadata',
  },
  {
    what: 'a webhook that is not a URL',
    path: '/jobs',
    body: { model: 'piper', input: { input: 'x' }, webhook: 'later' },
    code: 'invalid_webhook_url',
    param: 'webhook',
  },
  {
    what: 'a webhook on a private address',
    path: '/jobs',
    body: { model: 'piper', input: { input: 'x' }, webhook: 'https://169.254.169.254/' },
    code: 'webhook_address_blocked',
    param: 'webhook',
  },
  {
    what: 'a webhook event that there is not',
    path: '/jobs',
    body: {
      model: 'piper',
      input: { input: 'x' },
      webhook: 'https://example.com/',
      webhook_events_filter: ['job.born'],
    },
    code: 'invalid_value',
    param: 'webhook_events_filter[0]',
  },
];

for (const { what, path, body, status = 400, code, param = null } of refusals) {
  test(`POST ${path} with ${what} is refused with ${code} on ${param}`, async () => {
    await using box = await ApiBox.open();
    const response = await box.post(path, body);
    const error = await errorOf(response);
    assert.deepEqual(
      { status: response.status, code: error.code, param: error.param, type: error.type },
      { status, code, param, type: 'invalid_request_error' },
    );
    assert.equal(response.headers.get('x-should-retry'), 'false');
    assert.match(response.headers.get('x-request-id') ?? '', /^req_[0-9a-f]{32}$/);
    assert.equal(box.queue.jobs.size, 0);
  });
}

test('the refusal of an unknown model names those that there are', async () => {
  await using box = await ApiBox.open();
  const error = await errorOf(await box.post(chat, { model: 'gpt-9', messages: hello }));
  assert.match(error.message, /smollm2/);
  assert.match(error.message, /acme\/echo/);
});

const unreadable: readonly [string, string | Buffer<ArrayBuffer>, RegExp][] = [
  ['cut off', '{"messages": [', /JSON/],
  ['empty', '', /empty/],
  ['a list', '[1]', /a list/],
  ['a number', '7', /a number/],
  ['null', 'null', /null/],
  ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /UTF-8/],
  ['nested too deep', `{"a":${'['.repeat(65)}${']'.repeat(65)}}`, /deeper than 64/],
];

for (const [what, body, detail] of unreadable) {
  test(`a body that is ${what} is refused with invalid_json and says so`, async () => {
    await using box = await ApiBox.open();
    const response = await box.fetch(chat, { method: 'POST', body });
    assert.equal(response.status, 400);
    const error = await errorOf(response);
    assert.equal(error.code, 'invalid_json');
    assert.match(error.message, detail);
  });
}

test('a body that is not declared as JSON is refused with 415', async () => {
  await using box = await ApiBox.open();
  const declared = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'];
  for (const type of declared) {
    const response = await box.fetch(chat, { method: 'POST', body: '{}', headers: { 'content-type': type } });
    assert.equal(response.status, 415);
    assert.equal((await errorOf(response)).code, 'unsupported_media_type');
  }
  const packed = await box.fetch(chat, {
    method: 'POST',
    body: '{}',
    headers: { 'content-encoding': 'gzip' },
  });
  assert.equal(packed.status, 415);
});

const tooLarge = JSON.stringify({ messages: [{ role: 'user', content: 'x'.repeat(10 * 1024 * 1024) }] });

test('a body over 10 MB is refused with 413, and the connection stays usable', async () => {
  await using box = await ApiBox.open();
  const response = await box.fetch(chat, { method: 'POST', body: tooLarge });
  assert.equal(response.status, 413);
  assert.equal((await errorOf(response)).code, 'payload_too_large');
  assert.equal((await box.fetch('/v1/models')).status, 200);
});

test('a body over 10 MB that does not tell its length is refused with 413 too', async () => {
  await using box = await ApiBox.open();
  const body = new Blob([tooLarge]).stream();
  const response = await box.fetch(chat, { method: 'POST', body, duplex: 'half' } as RequestInit);
  assert.equal(response.status, 413);
});

test('an unknown path is 404 unknown_url, a known one with the wrong method 405 with Allow', async () => {
  await using box = await ApiBox.open();
  const unknown = await box.post('/v1/nothing', {});
  assert.equal(unknown.status, 404);
  assert.equal((await errorOf(unknown)).code, 'unknown_url');
  const wrong: readonly [string, string, string][] = [
    ['GET', chat, 'POST'],
    ['DELETE', '/v1/models', 'GET, HEAD'],
    ['PUT', '/jobs', 'GET, HEAD, POST'],
    ['GET', '/v1/echo/generate', 'POST'],
    ['GET', '/admin/models/smollm2/unload', 'POST'],
    ['POST', '/health', 'GET, HEAD'],
  ];
  for (const [method, path, allow] of wrong) {
    const response = await box.fetch(path, { method });
    assert.equal(response.status, 405, `${method} ${path}`);
    assert.equal(response.headers.get('allow'), allow);
    assert.equal((await errorOf(response)).code, 'method_not_allowed');
  }
});

test('a URL with broken percent-encoding is a 400 and no fault of ours', async () => {
  await using box = await ApiBox.open();
  const response = await box.fetch('/jobs/%E0%A4%A');
  assert.equal(response.status, 400);
  assert.equal((await errorOf(response)).code, 'invalid_url');
  assert.deepEqual(box.events.of('system.fault'), []);
});

test('a query that is wrong names its parameter', async () => {
  await using box = await ApiBox.open();
  const wrong = ['/jobs?limit=0', '/jobs?limit=101', '/jobs?limit=ten', '/jobs?limit=1&limit=2'];
  for (const path of wrong) assert.equal((await errorOf(await box.fetch(path))).param, 'limit', path);
  assert.equal((await errorOf(await box.fetch('/jobs?status=lost'))).param, 'status');
  assert.equal((await errorOf(await box.fetch('/jobs/job_x?wait=61'))).param, 'wait');
  assert.equal((await errorOf(await box.fetch('/admin/history?kind=secrets'))).param, 'kind');
});
