import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type OpenAI from 'openai';
import { z } from 'zod';
import { Box, type Orchestrator, projectDir } from '../../helpers/orchestrator.ts';
import { standInModels } from '../../helpers/stand-in-models.ts';

/**
 * What stand-ins answer has the shapes that OpenAI's SDK promises to its users, and real services are held to the same:
 * a stand-in that lies is found here. Each shape is checked against the SDK's type when it compiles.
 */
const usage = z.object({ input_tokens: z.int(), output_tokens: z.int(), total_tokens: z.int() });
const images = (value: unknown) =>
  z
    .object({
      created: z.int(),
      data: z.array(z.object({ b64_json: z.base64().min(1), revised_prompt: z.string().optional() })).min(1),
      output_format: z.enum(['png', 'jpeg', 'webp']),
      usage,
    })
    .parse(value) satisfies Partial<Record<keyof OpenAI.ImagesResponse, unknown>>;

const imageEvent = (value: unknown) =>
  z
    .object({
      type: z.enum(['image_generation.partial_image', 'image_generation.completed']),
      b64_json: z.base64().min(1),
      created_at: z.int(),
      size: z.string().regex(/^\d+x\d+$/),
      output_format: z.enum(['png', 'jpeg', 'webp']),
      background: z.enum(['transparent', 'opaque', 'auto']),
      quality: z.string(),
    })
    .parse(value) satisfies Partial<Record<keyof OpenAI.ImageGenCompletedEvent, unknown>>;

const duration = z.object({ type: z.literal('duration'), seconds: z.number() });
const transcript = (value: unknown) =>
  z.object({ text: z.string(), usage: duration.optional() }).parse(value) satisfies Partial<
    Record<keyof OpenAI.Audio.Transcription, unknown>
  >;

const word = z.object({ word: z.string(), start: z.number(), end: z.number() });
const segment = z.object({ id: z.int(), start: z.number(), end: z.number(), text: z.string() });
const verbose = (value: unknown) =>
  z
    .object({
      text: z.string(),
      language: z.string(),
      duration: z.number(),
      segments: z.array(segment),
      words: z.array(word).optional(),
    })
    .parse(value) satisfies Partial<Record<keyof OpenAI.Audio.TranscriptionVerbose, unknown>>;

const spokenEvent = (value: unknown) =>
  z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('transcript.text.delta'), delta: z.string() }),
      z.object({ type: z.literal('transcript.text.done'), text: z.string() }),
    ])
    .parse(value) satisfies OpenAI.Audio.TranscriptionStreamEvent;

const embeddings = (value: unknown) =>
  z
    .object({
      object: z.literal('list'),
      model: z.string(),
      data: z.array(
        z.object({ object: z.literal('embedding'), index: z.int(), embedding: z.array(z.number()).min(8) }),
      ),
      usage: z.object({ prompt_tokens: z.int().min(1), total_tokens: z.int().min(1) }),
    })
    .parse(value) satisfies OpenAI.CreateEmbeddingResponse;

let box: Box;
let house: Orchestrator;

/** A real service of this checkout, where its environment is installed. */
const isInstalled = (name: string): boolean => existsSync(join(projectDir, '.venvs', name, 'bin/python'));
const real = (name: string, type: 'transcription' | 'embedding') => ({
  id: name,
  type,
  more: { service_script: `gpu-services/${name}/server.py` },
});

before(async () => {
  box = await Box.create();
  const models = standInModels([
    { id: 'painter', type: 'image', args: { tokens: 3 } },
    { id: 'listener', type: 'transcription', args: { tokens: 3 } },
    { id: 'encoder', type: 'embedding' },
    { id: 'voice', type: 'speech', args: { tokens: 10 } },
    ...(isInstalled('whisper') ? [real('whisper', 'transcription')] : []),
    ...(isInstalled('embeddings') ? [real('embeddings', 'embedding')] : []),
  ]);
  house = await box.start({ models, env: { OMP_NUM_THREADS: '1' } });
});

after(async () => {
  await house.stop();
  await box[Symbol.asyncDispose]();
});

async function sound(): Promise<Blob> {
  const body = JSON.stringify({ model: 'voice', input: 'hello', voice: 'x' });
  const response = await house.fetch('/v1/audio/speech', { method: 'POST', body });
  return new Blob([await response.arrayBuffer()], { type: 'audio/wav' });
}

async function listen(model: string, fields: Readonly<Record<string, string>>): Promise<Response> {
  const form = new FormData();
  form.set('model', model);
  form.set('file', await sound(), 'tone.wav');
  for (const [name, text] of Object.entries(fields)) form.set(name, text);
  const response = await house.fetch('/v1/audio/transcriptions', { method: 'POST', body: form });
  assert.equal(response.status, 200, response.ok ? '' : await response.clone().text());
  return response;
}

const eventsOf = async (response: Response): Promise<readonly unknown[]> =>
  (await response.text())
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)));

test("the stand-in's images, whole and as events, are what the SDK promises", async () => {
  const ask = (more: object) => ({ model: 'painter', prompt: 'x', size: '32x16', ...more });
  assert.equal(images(await house.json('/v1/images/generations', ask({ n: 2 }))).data.length, 2);
  const body = JSON.stringify(ask({ stream: true, partial_images: 1 }));
  const events = await eventsOf(await house.fetch('/v1/images/generations', { method: 'POST', body }));
  assert.deepEqual(
    events.map((event) => imageEvent(event).type),
    ['image_generation.partial_image', 'image_generation.completed'],
  );
});

for (const [model, what, needs] of [
  ['listener', 'the stand-in', null],
  ['whisper', 'Whisper', 'whisper'],
] as const) {
  const skip = needs !== null && !isInstalled(needs) && `.venvs/${needs} is not installed`;

  test(`what ${what} hears, in each form, is what the SDK promises`, { skip }, async () => {
    transcript(await (await listen(model, {})).json());
    verbose(await (await listen(model, { response_format: 'verbose_json' })).json());
    for (const format of ['text', 'srt', 'vtt']) {
      const response = await listen(model, { response_format: format });
      assert.match(response.headers.get('content-type') ?? '', /^(text|application\/x-subrip)/);
    }
    const events = (await eventsOf(await listen(model, { stream: 'true' }))).map(spokenEvent);
    assert.equal(events.at(-1)?.type, 'transcript.text.done');
  });
}

for (const [model, what, needs] of [
  ['encoder', 'the stand-in', null],
  ['embeddings', 'the sentence encoder', 'embeddings'],
] as const) {
  const skip = needs !== null && !isInstalled(needs) && `.venvs/${needs} is not installed`;

  test(`vectors of ${what} are what the SDK promises, and the same in base64`, { skip }, async () => {
    const ask = { model, input: ['eins', 'zwei'] };
    const floats = embeddings(await house.json('/v1/embeddings', { ...ask, encoding_format: 'float' }));
    const base64 = await house.json<{ data: readonly { readonly embedding: string }[] }>('/v1/embeddings', {
      ...ask,
      encoding_format: 'base64',
    });
    const decoded = base64.data.map(({ embedding }) => {
      const raw = Buffer.from(embedding, 'base64');
      return Array.from({ length: raw.length / 4 }, (_, at) => raw.readFloatLE(at * 4));
    });
    for (const [index, { embedding }] of floats.data.entries()) {
      assert.equal(decoded[index]?.length, embedding.length);
      for (const [at, number] of embedding.entries())
        assert.ok(Math.abs(number - (decoded[index]?.[at] ?? Number.NaN)) < 1e-6);
    }
  });
}

test('the shapes see what is missing', () => {
  assert.throws(() => images({ created: 1, data: [{ url: 'x' }], output_format: 'png', usage: {} }));
  assert.throws(() => spokenEvent({ type: 'transcript.text.done' }));
  assert.throws(() => embeddings({ object: 'list', model: 'x', data: [{ embedding: [] }], usage: {} }));
});
