import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Box, type Orchestrator } from '../helpers/orchestrator.ts';
import { TestRedis } from '../helpers/redis.ts';
import { standInModels } from '../helpers/stand-in-models.ts';

/** Two boxes with a disk each, one Redis between them: the API on one, the worker on the other. */
let redis: TestRedis;
let apiBox: Box;
let workerBox: Box;
let api: Orchestrator;
let worker: Orchestrator;

const args = { tokens: 12, token_ms: 20 };
const models = standInModels([
  { id: 'chat', concurrency: 2, args },
  // As long as what it is asked to repeat.
  { id: 'talker', concurrency: 2, args: { token_ms: 20 } },
  { id: 'voice', type: 'speech', args },
  { id: 'listener', type: 'transcription' },
  { id: 'painter', type: 'image', args },
]);
const messages = [{ role: 'user', content: 'hello' }];
const aMinute = [{ role: 'user', content: 'hello '.repeat(3000) }];

before(async () => {
  redis = await TestRedis.start();
  apiBox = await Box.create();
  workerBox = await Box.create();
  const env = { REDIS_URL: redis.url, ROUNDHOUSE_DISCONNECT_GRACE_S: '0.2', ROUNDHOUSE_ARTIFACT_PORT: '0' };
  [api, worker] = await Promise.all([
    apiBox.start({ models, env, role: 'api' }),
    workerBox.start({ models, env, role: 'worker' }),
  ]);
});

after(async () => {
  const codes = [await api.stop(), await worker.stop()];
  const survivors = [...(await apiBox.survivors()), ...(await workerBox.survivors())];
  await apiBox[Symbol.asyncDispose]();
  await workerBox[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  assert.deepEqual([codes, survivors], [[0, 0], []]);
});

test('a stream travels from the worker through the API token by token', async () => {
  const response = await api.fetch('/v1/chat/completions', {
    method: 'POST',
    body: JSON.stringify({ model: 'chat', messages, stream: true }),
  });
  const text = await response.text();
  const payloads = text.split('\n').filter((line) => line.startsWith('data: '));
  assert.equal(payloads.at(-1), 'data: [DONE]');
  assert.ok(payloads.length > 10, text);
});

test('a running job is cancelled from the API', async () => {
  const { id } = await api.json<{ id: string }>('/jobs', { model: 'talker', input: { messages: aMinute } });
  await worker.next('job.started', { jobId: id });
  const cancelled = await api.fetch(`/jobs/${id}/cancel`, { method: 'POST' });
  assert.ok([200, 202].includes(cancelled.status));
  const job = await api.json<{ status: string }>(`/jobs/${id}?wait=30`);
  assert.equal(job.status, 'cancelled');
});

test('a client that leaves cancels its job at the worker', async () => {
  const leaving = new AbortController();
  const response = await api.fetch('/v1/chat/completions', {
    method: 'POST',
    body: JSON.stringify({ model: 'talker', messages: aMinute, stream: true }),
    signal: leaving.signal,
  });
  const id = response.headers.get('x-job-id') ?? '';
  leaving.abort();
  const settled = await worker.next('job.settled', { jobId: id });
  assert.equal(settled.status, 'cancelled');
});

test("audio made on the worker's disk is downloaded from the API, whole and in part", async () => {
  const { id } = await api.json<{ id: string }>('/jobs', {
    model: 'voice',
    input: { input: 'hello', voice: 'x' },
  });
  const job = await api.json<{ status: string; files: { bytes: number }[] }>(`/jobs/${id}?wait=30`);
  assert.equal(job.status, 'completed');
  const whole = Buffer.from(await (await api.fetch(`/jobs/${id}/content`)).arrayBuffer());
  assert.equal(whole.length, job.files[0]?.bytes);
  assert.equal(whole.toString('latin1', 0, 4), 'RIFF');
  const part = await api.fetch(`/jobs/${id}/content`, { headers: { range: 'bytes=4-11' } });
  assert.equal(part.status, 206);
  assert.deepEqual(Buffer.from(await part.arrayBuffer()), whole.subarray(4, 12));
});

test('a sync speech call answers with the audio of the other box', async () => {
  const response = await api.fetch('/v1/audio/speech', {
    method: 'POST',
    body: JSON.stringify({ model: 'voice', input: 'hello', voice: 'x', response_format: 'wav' }),
  });
  assert.equal(response.status, 200);
  assert.equal(Buffer.from(await response.arrayBuffer()).toString('latin1', 0, 4), 'RIFF');
});

test("a file that a client sends to the API's disk reaches the worker's model whole", async () => {
  const bytes = randomBytes(3_000_000);
  const form = new FormData();
  form.set('model', 'listener');
  form.set('file', new Blob([bytes], { type: 'audio/mpeg' }), 'a.mp3');
  const response = await api.fetch('/v1/audio/transcriptions', { method: 'POST', body: form });
  const { text } = (await response.json()) as { text: string };
  assert.equal(text, `a.mp3 3000000 ${createHash('sha256').update(bytes).digest('hex')}`);
});

test("an image made on the worker's disk comes as base64, as a link, and as events", async () => {
  const ask = (more: object) =>
    api.fetch('/v1/images/generations', {
      method: 'POST',
      body: JSON.stringify({ model: 'painter', prompt: 'x', ...more }),
    });
  const { data } = (await (await ask({})).json()) as { data: { b64_json: string }[] };
  const linked = (await (await ask({ response_format: 'url' })).json()) as { data: { url: string }[] };
  const image = Buffer.from(await (await fetch(linked.data[0]?.url ?? '')).arrayBuffer());
  assert.equal(image.toString('latin1', 1, 4), 'PNG');
  assert.equal(data[0]?.b64_json, image.toString('base64'));
  const events = await (await ask({ stream: true, partial_images: 3 })).text();
  const payloads = events.split('\n').filter((line) => line.startsWith('data: {'));
  const types = payloads.map((line) => (JSON.parse(line.slice(6)) as { type: string }).type);
  assert.deepEqual(types, [...Array(3).fill('image_generation.partial_image'), 'image_generation.completed']);
});
