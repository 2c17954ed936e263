import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { Box, type Orchestrator, projectDir } from '../helpers/orchestrator.ts';

/** The shipped CPU profile as a user gets it: a real language model and a real voice, one resident at a time. */
const capital = { role: 'user', content: 'Name the capital city of France.' } as const;

let box: Box;
let house: Orchestrator;
let openai: OpenAI;

before(async () => {
  box = await Box.create();
  house = await box.start({ models: await readFile(join(projectDir, 'models.cpu.yaml'), 'utf8') });
  openai = new OpenAI({ baseURL: `${house.url}/v1`, apiKey: house.apiKey, maxRetries: 0 });
});

after(async () => {
  const code = await house.stop();
  const survivors = await box.survivors();
  await box[Symbol.asyncDispose]();
  assert.equal(code, 0);
  assert.deepEqual(survivors, []);
});

test('a chat completion is a real answer of a real model', async () => {
  const answer = await openai.chat.completions.create({
    model: 'smollm2-135m',
    messages: [capital],
    temperature: 0,
    max_tokens: 32,
  });
  assert.match(answer.choices[0]?.message.content ?? '', /Paris/);
  assert.ok((answer.usage?.completion_tokens ?? 0) > 0);
});

test('a streamed chat completion comes token by token and ends properly', async () => {
  const stream = await openai.chat.completions.create({
    model: 'smollm2-135m',
    messages: [capital],
    temperature: 0,
    max_tokens: 32,
    stream: true,
  });
  const parts: string[] = [];
  let finish: string | null = null;
  for await (const chunk of stream) {
    const [choice] = chunk.choices;
    if (choice?.delta.content) parts.push(choice.delta.content);
    finish = choice?.finish_reason ?? finish;
  }
  assert.match(parts.join(''), /Paris/);
  assert.ok(parts.length > 4, `${parts.length} parts`);
  assert.equal(finish, 'stop');
});

test('speech swaps the language model out and answers with a WAV of a real voice', async () => {
  const response = await openai.audio.speech.create({
    model: 'tts-1',
    voice: 'alloy',
    input: 'The second engine is on the turntable now.',
    response_format: 'wav',
  });
  const wav = Buffer.from(await response.arrayBuffer());
  assert.equal(wav.toString('latin1', 0, 4), 'RIFF');
  assert.ok(secondsOf(wav) > 1, `${secondsOf(wav)} s`);
  const swap = await house.next('swap.finished', { load: 'en-us-joe' });
  assert.deepEqual(swap.evicted, ['smollm2-135m']);
  assert.deepEqual(await loadedModels(), ['en-us-joe']);
});

test('a job is accepted at once, swaps back and keeps its result', async () => {
  const accepted = await house.fetch('/jobs', {
    method: 'POST',
    body: JSON.stringify({
      model: 'smollm2-135m',
      input: { messages: [capital], temperature: 0, max_tokens: 32 },
    }),
  });
  assert.equal(accepted.status, 202);
  const { id } = (await accepted.json()) as { id: string };
  const job = await house.json<{ status: string; output: OpenAI.ChatCompletion }>(`/jobs/${id}?wait=60`);
  assert.equal(job.status, 'completed');
  assert.match(job.output.choices[0]?.message.content ?? '', /Paris/);
  assert.deepEqual(await loadedModels(), ['smollm2-135m']);
});

test("a speech job's audio is downloaded from its content", async () => {
  const { id } = await house.json<{ id: string }>('/jobs', {
    model: 'en-us-joe',
    input: { input: 'Hello.', voice: 'default' },
  });
  const job = await house.json<{ status: string; files: { content_type: string; bytes: number }[] }>(
    `/jobs/${id}?wait=60`,
  );
  assert.equal(job.status, 'completed');
  const content = await house.fetch(`/jobs/${id}/content`);
  const bytes = Buffer.from(await content.arrayBuffer());
  assert.equal(content.headers.get('content-type'), job.files[0]?.content_type);
  assert.equal(bytes.length, job.files[0]?.bytes);
});

test('an unknown model is a 404 that names itself', async () => {
  const call = openai.chat.completions.create({ model: 'gpt-nothing', messages: [capital] });
  await assert.rejects(call, { status: 404, code: 'model_not_found', param: 'model' });
});

test('a stream that its client leaves is cancelled, and the model goes on with the next', async () => {
  const stream = await openai.chat.completions.create({
    model: 'smollm2-135m',
    messages: [{ role: 'user', content: 'Tell me a very long story about a railway.' }],
    max_tokens: 1500,
    stream: true,
  });
  for await (const _ of stream) break;
  const { data } = await house.json<{ data: { id: string }[] }>('/jobs?limit=1');
  const cancelled = await house.fetch(`/jobs/${data[0]?.id}/cancel`, { method: 'POST' });
  assert.ok([200, 202].includes(cancelled.status));
  const job = await house.json<{ status: string }>(`/jobs/${data[0]?.id}?wait=30`);
  assert.equal(job.status, 'cancelled');
  const next = await openai.chat.completions.create({
    model: 'smollm2-135m',
    messages: [capital],
    max_tokens: 8,
  });
  assert.equal(next.object, 'chat.completion');
});

async function loadedModels(): Promise<string[]> {
  const { data } = await house.json<{ data: { id: string; status: string }[] }>('/v1/models');
  return data.filter(({ status }) => status === 'loaded').map(({ id }) => id);
}

/** Length of a PCM WAV with the usual 44-byte header, or a streamed one whose sizes are not known in advance. */
function secondsOf(wav: Buffer): number {
  const bytesPerSecond = wav.readUInt32LE(28);
  return (wav.length - 44) / bytesPerSecond;
}
