import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { Box, type Orchestrator } from '../helpers/orchestrator.ts';
import { everyEngine, imageFacts, soundFacts } from './tiny-house.ts';

/** Every engine, real and on a CPU, one resident at a time; asked as clients ask, through the orchestrator. */
const rounds = Number(process.env.ROUNDHOUSE_ENGINE_ROUNDS ?? 1);
const sentence = 'The engine is on the turntable.';

let box: Box;
let house: Orchestrator;
let openai: OpenAI;
let files = 0;

interface Job {
  readonly id: string;
  readonly status: string;
  readonly progress: number | null;
  readonly output: { readonly data: readonly { readonly url: string }[] } | null;
  readonly error: { readonly message: string } | null;
}

before(async () => {
  box = await Box.create();
  // Some machines write all tokens of an answer within the grace that is the default.
  const env = { OMP_NUM_THREADS: '1', ROUNDHOUSE_DISCONNECT_GRACE_S: '0' };
  house = await box.start({ models: await everyEngine(box), env });
  openai = new OpenAI({ baseURL: `${house.url}/v1`, apiKey: house.apiKey, maxRetries: 0, timeout: 280_000 });
});

after(async () => {
  const code = await house.stop();
  const survivors = await box.survivors();
  await box[Symbol.asyncDispose]();
  assert.equal(code, 0);
  assert.deepEqual(survivors, []);
});

async function saved(bytes: Buffer): Promise<string> {
  const path = join(box.dir, `file-${++files}`);
  await writeFile(path, bytes);
  return path;
}

type ImageFormat = 'png' | 'jpeg' | 'webp';

async function draw(body: Record<string, unknown>): Promise<Buffer> {
  const { data = [] } = await openai.images.generate({
    ...{ model: 'tiny-flux', prompt: 'a roundhouse', size: '64x64' as never, response_format: 'b64_json' },
    ...body,
  });
  return Buffer.from(data[0]?.b64_json ?? '', 'base64');
}

const music = (body: object) =>
  house.json<{ data: { b64_json: string; duration_seconds: number; seed: number }[] }>(
    '/v1/audio/generations',
    {
      ...{ model: 'tiny-musicgen', prompt: 'a waltz', duration_seconds: 1, response_format: 'b64_json' },
      ...body,
    },
  );

async function untilDone(id: string): Promise<Job> {
  for (;;) {
    const job = await house.json<Job>(`/jobs/${id}?wait=50`);
    if (!['queued', 'in_progress', 'cancelling'].includes(job.status)) return job;
  }
}

/** Cancels a job once its engine tells of progress. */
/** A machine that pauses may end the work before it hears; an engine that never listens ends it each time. */
async function stopped(attempt: () => Promise<Job>): Promise<Job> {
  let job = await attempt();
  for (let left = 4; left > 0 && job.status === 'completed'; left--) job = await attempt();
  return job;
}

async function cancelUnderway(body: object): Promise<Job> {
  const { id } = await house.json<Job>('/jobs', body);
  for (;;) {
    const job = await house.json<Job>(`/jobs/${id}`);
    if ((job.progress ?? 0) > 0 || !['queued', 'in_progress'].includes(job.status)) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await house.fetch(`/jobs/${id}/cancel`, { method: 'POST' });
  return untilDone(id);
}

for (const [format, name] of [
  ['png', 'PNG'],
  ['jpeg', 'JPEG'],
  ['webp', 'WEBP'],
] as const satisfies readonly [ImageFormat, string][]) {
  test(`an image decodes, at the size and in the format that were asked for (${format})`, async () => {
    const facts = await imageFacts(await saved(await draw({ size: '96x64', output_format: format })));
    assert.deepEqual(facts, { size: [96, 64], format: name });
  });
}

test('the same seed draws the same image, another seed another', async () => {
  const [first, again, other] = [await draw({ seed: 7 }), await draw({ seed: 7 }), await draw({ seed: 8 })];
  assert.ok(first.equals(again));
  assert.ok(!first.equals(other));
});

test('an image may come in stages', async () => {
  const stream = await openai.images.generate({
    ...{ model: 'tiny-flux', prompt: 'a roundhouse', size: '64x64' as never },
    ...{ stream: true, partial_images: 2, seed: 7, steps: 4 },
  } as OpenAI.ImageGenerateParamsStreaming);
  const types: string[] = [];
  let last = '';
  for await (const event of stream) {
    types.push(event.type);
    last = event.b64_json;
  }
  assert.deepEqual(types, [...Array(2).fill('image_generation.partial_image'), 'image_generation.completed']);
  const { size } = await imageFacts(await saved(Buffer.from(last, 'base64')));
  assert.deepEqual(size, [64, 64]);
});

test('an image as a job tells its progress and is downloaded by its link, without a key', async () => {
  const input = { prompt: 'x', size: '512x512', steps: 20 };
  const { id } = await house.json<Job>('/jobs', { model: 'tiny-flux', input });
  const job = await untilDone(id);
  assert.equal(job.status, 'completed', job.error?.message);
  const response = await fetch(job.output?.data[0]?.url ?? '');
  const { size } = await imageFacts(await saved(Buffer.from(await response.arrayBuffer())));
  assert.deepEqual([response.status, size], [200, [512, 512]]);
});

test('an image that is drawn from another keeps the size that is asked for', async () => {
  const image = await toFile(await draw({}), 'a.png', { type: 'image/png' });
  const { data = [] } = await openai.images.edit({
    ...{ model: 'tiny-flux', prompt: 'at night', image, size: '64x64' as never },
  });
  const { size } = await imageFacts(await saved(Buffer.from(data[0]?.b64_json ?? '', 'base64')));
  assert.deepEqual(size, [64, 64]);
});

test('drawing stops between two steps when its job is cancelled, and the next image is drawn', async () => {
  const input = { prompt: 'x', size: '1024x1024', steps: 50 };
  assert.equal((await stopped(() => cancelUnderway({ model: 'tiny-flux', input }))).status, 'cancelled');
  assert.ok((await draw({})).length > 0);
});

for (const [format, written, rate] of [
  ['wav', 'WAV PCM_16', 32_000],
  ['mp3', 'MP3 MPEG_LAYER_III', 32_000],
  ['flac', 'FLAC PCM_16', 32_000],
  ['ogg', 'OGG VORBIS', 32_000],
  ['opus', 'OGG OPUS', 48_000],
] as const) {
  test(`music is as long as was asked for (${format})`, async () => {
    const { data } = await music({ duration_seconds: 2, output_format: format });
    const facts = await soundFacts(await saved(Buffer.from(data[0]?.b64_json ?? '', 'base64')));
    assert.deepEqual([facts.format, facts.rate], [written, rate]);
    assert.ok(Math.abs(facts.seconds - 2) < 0.1, `${facts.seconds} s`);
  });
}

test('music of the same seed is the same, and comes as bytes to who accepts sound', async () => {
  const [first, again] = [await music({ seed: 7 }), await music({ seed: 7 })];
  assert.equal(first.data[0]?.b64_json, again.data[0]?.b64_json);
  const response = await house.fetch('/v1/sound-generation', {
    method: 'POST',
    body: JSON.stringify({ model_id: 'tiny-musicgen', text: 'a whistle', duration_seconds: 1 }),
  });
  assert.match(response.headers.get('content-type') ?? '', /^audio\//);
  const { seconds } = await soundFacts(await saved(Buffer.from(await response.arrayBuffer())));
  assert.ok(Math.abs(seconds - 1) < 0.1, `${seconds} s`);
});

test('composing stops when its job is cancelled', async () => {
  const input = { prompt: 'x', duration_seconds: 120 };
  assert.equal((await stopped(() => cancelUnderway({ model: 'tiny-musicgen', input }))).status, 'cancelled');
});

test('vLLM answers whole, as a stream and with a response, and stops for a client that leaves', async () => {
  const messages = [{ role: 'user', content: 'hello' }] as const;
  const options = { model: 'tiny-qwen', messages: [...messages], max_tokens: 8, temperature: 0, seed: 1 };
  const whole = await openai.chat.completions.create(options);
  const again = await openai.chat.completions.create(options);
  assert.equal(whole.choices[0]?.message.content, again.choices[0]?.message.content);
  let streamed = '';
  for await (const chunk of await openai.chat.completions.create({ ...options, stream: true }))
    streamed += chunk.choices[0]?.delta.content ?? '';
  assert.equal(streamed, whole.choices[0]?.message.content);
  const response = await openai.responses.create({
    model: 'tiny-qwen',
    input: 'hello',
    max_output_tokens: 8,
  });
  assert.ok(response.output.length > 0);
  assert.equal((await stopped(leaveStream)).status, 'cancelled');
});

async function leaveStream(): Promise<Job> {
  const leaving = new AbortController();
  const body = { model: 'tiny-qwen', prompt: 'once', max_tokens: 900, stream: true, ignore_eos: true };
  const request = { method: 'POST', body: JSON.stringify(body), signal: leaving.signal };
  const stream = await house.fetch('/v1/completions', request);
  await stream.body?.getReader().read();
  leaving.abort();
  return untilDone(stream.headers.get('x-job-id') ?? '');
}

test('a swap among all engines, round after round, loses nothing and leaves one resident', async () => {
  const asks = [
    { model: 'smollm2', input: { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 8 } },
    { model: 'tiny-flux', input: { prompt: 'x', size: '64x64' } },
    { model: 'e5', input: { input: 'a train' } },
    { model: 'tiny-musicgen', input: { prompt: 'x', duration_seconds: 1 } },
    { model: 'joe', input: { input: sentence, voice: 'default' } },
    { model: 'tiny-qwen', input: { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 8 } },
  ];
  for (let round = 0; round < rounds; round++) {
    const jobs = await Promise.all(asks.map((body) => house.json<Job>('/jobs', body)));
    const ended = await Promise.all(jobs.map(({ id }) => untilDone(id)));
    assert.deepEqual(
      ended.map(({ status, error }) => [status, error?.message]),
      asks.map(() => ['completed', undefined]),
    );
  }
  const { data } = await house.json<{ data: { id: string; state: string }[] }>('/v1/models');
  assert.equal(data.filter(({ state }) => state === 'ready').length, 1);
});

test('what Piper speaks is read by Whisper', async () => {
  const speech = await openai.audio.speech.create({ model: 'joe', voice: 'alloy', input: sentence });
  const file = await toFile(Buffer.from(await speech.arrayBuffer()), 'speech.mp3');
  const { text } = await openai.audio.transcriptions.create({ model: 'whisper', file });
  assert.match(text, /engine/i);
});

test('a model that sleeps is woken, and draws what it drew before', async () => {
  const before = await draw({ seed: 11 });
  await openai.embeddings.create({ model: 'e5', input: 'makes room' });
  const after = await draw({ seed: 11 });
  assert.ok(after.equals(before));
  assert.deepEqual(house.events.of('server.sleepless'), []);
  assert.ok(house.events.of('server.woke').length > 0);
});
