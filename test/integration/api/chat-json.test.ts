import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import { aModelSpec, aRegistry } from '../../fakes/a-registry.ts';
import { ApiBox, errorOf } from '../../fakes/api-box.ts';
import { aModelView } from '../../fakes/fake-board.ts';

const chat = '/v1/chat/completions';
const hello = [{ role: 'user', content: 'hello' }];
const output = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  choices: [{ index: 0, message: { content: 'hi' } }],
};

test("a call waits for its job and answers with the model's JSON as it is", async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, { model: 'smollm2', messages: hello });
  const job = await box.nextJob();
  assert.equal(job.record.sync, true);
  assert.equal(job.record.class, 'interactive');
  assert.equal(job.record.endpoint, chat);
  assert.equal(job.record.inboxId, box.queue.id);
  job.start().complete({ output });
  const response = await answer;
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), output);
  assert.equal(response.headers.get('x-job-id'), job.id);
  assert.equal(response.headers.get('location'), `/jobs/${job.id}`);
  assert.match(response.headers.get('openai-processing-ms') ?? '', /^\d+$/);
});

test('the body reaches the model server byte for byte when it names the model itself', async () => {
  await using box = await ApiBox.open();
  const body =
    '{ "model":"smollm2",\n "messages":[{"role":"user","content":"\\u00e9 1e2"}], "seed":1, "top_k": 1e2}';
  void box.fetch(chat, { method: 'POST', body });
  assert.equal((await box.nextJob()).submitted.body, body);
});

test('an alias, a default model and our own fields are replaced before the model server sees them', async () => {
  await using box = await ApiBox.open();
  void box.post(chat, { model: 'gpt-4o-mini', messages: hello });
  assert.equal((await box.nextJob()).body.model, 'smollm2');
  void box.post('/chat/completions', {
    messages: hello,
    min_p: 0.1,
    policy: { queue_ttl_seconds: 60 },
    priority: 'low',
  });
  const job = await box.nextJob();
  assert.deepEqual(job.body, { messages: hello, min_p: 0.1, model: 'smollm2' });
  assert.equal(job.record.class, 'batch');
  assert.equal(job.record.queueDeadlineMs - job.record.createdAtMs, 60_000);
  void box.post(chat, { messages: hello, priority: 5 });
  assert.equal((await box.nextJob()).body.priority, 5);
  assert.equal((await errorOf(await box.post(chat, { messages: hello, priority: 'now' }))).param, 'priority');
});

test('a custom endpoint passes any JSON object through, with and without its default model', async () => {
  await using box = await ApiBox.open();
  for (const path of ['/v1/echo/generate', '/echo/generate', '/v1/echo/generate/']) {
    const body = '{ "anything": [1, {"deep": true}], "policy": "mine", "priority": "x", "webhook": 7 }';
    const answer = box.fetch(path, { method: 'POST', body });
    const job = await box.nextJob();
    assert.equal(job.record.endpoint, '/v1/echo/generate');
    assert.equal(job.submitted.body, body);
    job.start().complete({ output: { echo: path } });
    assert.deepEqual(await (await answer).json(), { echo: path });
  }
  const plain = box.post('/plain', { model: 'acme/echo' });
  (await box.nextJob()).start().complete({ output: [1, 2] });
  assert.deepEqual(await (await plain).json(), [1, 2]);
});

test('speech is answered with the bytes and the type of the file', async () => {
  await using box = await ApiBox.open();
  const answer = box.post('/v1/audio/speech', { model: 'tts-1', input: 'hello', voice: 'alloy' });
  const job = await box.nextJob();
  assert.deepEqual(job.body, { model: 'piper', input: 'hello', voice: 'alloy' });
  const wav = Buffer.from(Array.from({ length: 5000 }, (_, at) => at % 251));
  box.artifacts.files.set(`${job.id}/0`, wav);
  job.start().complete({ files: [{ index: 0, contentType: 'audio/wav', bytes: wav.length, sha256: 'x' }] });
  const response = await answer;
  assert.equal(response.headers.get('content-type'), 'audio/wav');
  assert.equal(response.headers.get('content-length'), '5000');
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), wav);
});

const failures = [
  { error: errors.modelError('CUDA error'), status: 500, retry: 'false' },
  { error: errors.upstreamBadResponse('no JSON'), status: 502, retry: null },
  { error: errors.modelCrashed('smollm2', 'signal 9'), status: 503, retry: null },
  { error: errors.modelHung('smollm2', 'first token'), status: 503, retry: null },
  {
    error: errors.modelLoadFailed('smollm2', 'no weights', ['log line 1', 'log line 2'], 5),
    status: 503,
    retry: null,
  },
  { error: errors.workerLost(), status: 503, retry: null },
  { error: errors.executionTimeout(600), status: 504, retry: 'false' },
  { error: errors.invalidValue('max_tokens', 'context length exceeded'), status: 400, retry: 'false' },
];

for (const { error, status, retry } of failures) {
  test(`a job that failed with ${error.code} is answered with ${status}`, async () => {
    await using box = await ApiBox.open();
    const answer = box.post(chat, { messages: hello });
    const job = await box.nextJob();
    job.start().fail(error.toBody());
    const response = await answer;
    assert.equal(response.status, status);
    assert.equal(response.headers.get('x-should-retry'), retry);
    const body = await errorOf(response);
    assert.equal(body.code, error.code);
    assert.equal(body.message, error.message);
    assert.equal(body.job_id, job.id);
  });
}

test('a job that was cancelled or has expired ends its call without an invitation to retry', async () => {
  await using box = await ApiBox.open();
  const cancelled = box.post(chat, { messages: hello });
  const first = await box.nextJob();
  await box.fetch(`/jobs/${first.id}/cancel`, { method: 'POST' });
  assert.equal((await cancelled).status, 409);
  assert.equal((await cancelled).headers.get('x-should-retry'), 'false');
  const expired = box.post(chat, { messages: hello });
  (await box.nextJob()).expire();
  assert.equal((await expired).status, 504);
  assert.equal((await errorOf(await expired)).code, 'queue_ttl_exceeded');
});

const patience: readonly [string, Record<string, string>, number][] = [
  ['the limit of the server', {}, 280_000],
  ['Prefer: wait', { prefer: 'wait=20' }, 20_000],
  ["the Python SDK's read timeout less 5 s", { 'x-stainless-read-timeout': '60' }, 55_000],
  ["the Node SDK's timeout less 5 s", { 'x-stainless-timeout': '30' }, 25_000],
  ['half of a short timeout', { 'x-stainless-timeout': '4' }, 2000],
];

for (const [what, headers, waitMs] of patience) {
  test(`when the wait ends by ${what}, the call is 504 with the id of a job that goes on`, async () => {
    await using box = await ApiBox.open();
    const answer = box.post(chat, { messages: hello }, { headers });
    const job = await box.nextJob();
    let isAnswered = false;
    void answer.then(() => {
      isAnswered = true;
    });
    await box.clock.advance(waitMs - 1);
    assert.equal(isAnswered, false);
    await box.clock.advance(1);
    const response = await answer;
    assert.equal(response.status, 504);
    assert.equal(response.headers.get('x-should-retry'), 'false');
    assert.equal(response.headers.get('x-job-id'), job.id);
    assert.equal(response.headers.get('location'), `/jobs/${job.id}`);
    const error = await errorOf(response);
    assert.equal(error.code, 'sync_timeout');
    assert.equal(error.job_id, job.id);
    await box.clock.advance(60_000);
    assert.equal(job.record.status, 'queued');
  });
}

test('an end whose message was lost is found by re-reading the record', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, { messages: hello });
  const job = await box.nextJob();
  job.start().settleSilently('completed', { output });
  await box.clock.advance(5000);
  assert.deepEqual(await (await answer).json(), output);
});

test('a call that waits outlives an outage of Redis', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, { messages: hello });
  const job = await box.nextJob();
  box.queue.isDown = true;
  job.start().complete({ output });
  await box.clock.advance(5000);
  box.queue.isDown = false;
  await box.clock.advance(1000);
  assert.deepEqual(await (await answer).json(), output);
});

test('Prefer: respond-async turns a call into a job, streamed or not', async () => {
  await using box = await ApiBox.open();
  const headers = { prefer: 'respond-async, wait=5' };
  const response = await box.post(chat, { messages: hello, stream: true, stream_options: {} }, { headers });
  assert.equal(response.status, 202);
  assert.equal(response.headers.get('preference-applied'), 'respond-async');
  const view = (await response.json()) as Record<string, unknown>;
  assert.equal(view.status, 'queued');
  assert.equal(view.priority, 'normal');
  const job = await box.nextJob();
  assert.equal(job.id, view.id);
  assert.equal(job.record.sync, false);
  assert.equal(job.record.stream, false);
  assert.deepEqual(job.body, { messages: hello, model: 'smollm2', stream: false });
});

test('a full queue is 429 with the time that it takes to drain, at most 60 s', async () => {
  const models = [
    aModelSpec('small', { queueCap: 1, serviceTimeMs: 3000, startupTimeMs: 4000 }),
    aModelSpec('big', { queueCap: 1, serviceTimeMs: 900_000, endpoints: ['/v1/big'] }),
  ];
  await using box = await ApiBox.open({ registry: aRegistry(...models) });
  await box.post('/jobs', { model: 'small', input: { messages: hello } });
  const full = await box.post(chat, { messages: hello });
  assert.equal(full.status, 429);
  assert.equal((await errorOf(full)).code, 'queue_full');
  assert.equal(full.headers.get('retry-after'), '7');
  assert.equal(full.headers.get('retry-after-ms'), '7000');
  assert.equal(full.headers.get('x-should-retry'), null);
  box.board.views = [aModelView('small')];
  box.board.estimates = { small: { loadMs: 4000, serviceMs: 1500 } };
  await box.clock.advance(10_000);
  await box.fetch('/v1/queue');
  const learned = await box.post('/jobs', { model: 'small', input: { messages: hello } });
  assert.equal(learned.headers.get('retry-after'), '2');
  await box.post('/jobs', { model: 'big', input: {} });
  const slow = await box.post('/jobs', { model: 'big', input: {} });
  assert.equal(slow.headers.get('retry-after'), '60');
});

test('a model that failed to start twice and rests refuses calls with reason and log, and takes jobs', async () => {
  await using box = await ApiBox.open();
  const failure = {
    reason: 'exit code 1',
    logTail: ['Traceback', 'no such file'],
    atMs: box.clock.now(),
    failures: 2,
  };
  const blockedUntilMs = box.clock.now() + 30_000;
  box.board.views = [aModelView('smollm2', { state: 'failed', failure, blockedUntilMs })];
  const refused = await box.post(chat, { messages: hello });
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get('retry-after'), '30');
  const error = await errorOf(refused);
  assert.equal(error.code, 'model_load_failed');
  assert.match(error.message, /exit code 1\nTraceback\nno such file/);
  assert.equal((await box.post('/jobs', { model: 'smollm2', input: { messages: hello } })).status, 202);
  const other = box.post('/v1/echo/generate', {});
  await box.nextJob();
  (await box.nextJob()).start().complete({ output: {} });
  assert.equal((await other).status, 200);
  await box.clock.advance(31_000);
  void box.post(chat, { messages: hello });
  assert.equal((await box.nextJob()).record.sync, true);
});

test('a paused model refuses calls and takes jobs', async () => {
  await using box = await ApiBox.open();
  await box.post('/admin/models/smollm2/pause', {});
  const refused = await box.post(chat, { messages: hello });
  assert.equal(refused.status, 503);
  assert.equal((await errorOf(refused)).code, 'model_paused');
  assert.equal((await box.post('/jobs', { model: 'smollm2', input: { messages: hello } })).status, 202);
  await box.post('/admin/models/smollm2/resume', {});
  await box.nextJob();
  void box.post(chat, { messages: hello });
  assert.equal((await box.nextJob()).record.sync, true);
});

test('a call with a webhook is waited for, but does not die with its client', async () => {
  await using box = await ApiBox.open();
  const client = new AbortController();
  const body = { messages: hello, webhook: 'https://example.com/hook', webhook_events_filter: ['completed'] };
  const answer = box.post(chat, body, { signal: client.signal });
  const job = await box.nextJob();
  assert.deepEqual(job.record.webhook?.url, 'https://example.com/hook');
  assert.equal(job.record.webhook?.events.length, 4);
  assert.deepEqual(job.body, { messages: hello, model: 'smollm2' });
  client.abort();
  await assert.rejects(answer);
  await box.events.next('job.client-left', { jobId: job.id });
  await box.clock.advance(60_000);
  await setImmediate();
  assert.equal(job.record.status, 'queued');
});
