import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { Box, type Orchestrator, projectDir } from '../helpers/orchestrator.ts';

/** The shipped CPU profile as a user gets it: chat, speech, transcription and embeddings, one resident at a time. */
const sentence = 'The train leaves the station. The engine is on the turntable.';
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

test('a sentence that Piper speaks is read back by Whisper', async () => {
  const text = await openai.audio.transcriptions.create({ model: 'whisper-1', file: await spoken('mp3') });
  assert.ok(isWhatWasSaid(text.text), text.text);
  const swap = await house.next('swap.finished', { load: 'whisper-tiny-en' });
  assert.deepEqual(swap.evicted, ['en-us-joe']);
  assert.deepEqual(await loadedModels(), ['whisper-tiny-en']);
});

test('a transcription comes with the times of its words, and as subtitles', async () => {
  const file = await spoken('wav');
  const verbose = await openai.audio.transcriptions.create({
    model: 'whisper-tiny-en',
    file,
    response_format: 'verbose_json',
    timestamp_granularities: ['word', 'segment'],
  });
  assert.equal(verbose.language, 'english');
  assert.ok(isWhatWasSaid((verbose.words ?? []).map(({ word }) => word).join(' ')));
  assert.ok((verbose.segments?.[0]?.end ?? 0) > 1);
  const srt = await openai.audio.transcriptions.create({ model: 'whisper-1', file, response_format: 'srt' });
  assert.match(srt, /^1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n/);
});

test('a streamed transcription tells its text and ends with the whole', async () => {
  const stream = await openai.audio.transcriptions.create({
    model: 'whisper-1',
    file: await spoken('flac'),
    stream: true,
  });
  let deltas = '';
  let whole: string | null = null;
  for await (const event of stream) {
    if (event.type === 'transcript.text.delta') deltas += event.delta;
    if (event.type === 'transcript.text.done') whole = event.text;
  }
  assert.equal(whole, deltas);
  assert.ok(isWhatWasSaid(deltas), deltas);
});

test('a file that is no sound is refused with the name of its field', async () => {
  const call = openai.audio.transcriptions.create({
    model: 'whisper-1',
    file: await toFile(Buffer.from('not a sound'), 'sound.mp3'),
  });
  await assert.rejects(call, { status: 400, param: 'file' });
});

const passages = [
  'A week has seven days, and the year has fifty-two weeks.',
  'Paris is the capital of France and its largest city.',
  'Der Zug nach Hamburg fährt um acht Uhr von Gleis sieben ab.',
  'Bread is made of flour, water, salt and yeast.',
];
const questions = [
  ['How many days are in a week?', 0],
  ['What is the capital city of France?', 1],
  ['Wann fährt der Zug nach Hamburg?', 2],
  ['Woraus besteht Brot?', 3],
] as const;

test('embeddings find the passage that answers, in German, too', async () => {
  const found = await embedded(passages, 'passage');
  const asked = await embedded(
    questions.map(([question]) => question),
    'query',
  );
  const nearest = asked.map((query) => {
    const likeness = found.map((passage) => dot(passage, query));
    return likeness.indexOf(Math.max(...likeness));
  });
  assert.deepEqual(
    nearest,
    questions.map(([, answer]) => answer),
  );
});

test("floats and the SDK's own base64 are the same vector", async () => {
  const wish = { model: 'text-embedding-3-small', input: 'Hello.' };
  const decoded = await openai.embeddings.create(wish);
  const floats = await openai.embeddings.create({ ...wish, encoding_format: 'float' });
  assert.equal(decoded.data[0]?.embedding.length, 384);
  assert.deepEqual(decoded.data[0]?.embedding, floats.data[0]?.embedding.map(Math.fround));
  assert.ok(decoded.usage.prompt_tokens > 2);
});

test('dimensions that the model cannot give are refused', async () => {
  const call = openai.embeddings.create({ model: 'multilingual-e5-small', input: 'Hello.', dimensions: 64 });
  await assert.rejects(call, { status: 400, param: 'dimensions' });
});

test('jobs for all four models at once are all done, one model after the other', async () => {
  const file = `data:audio/wav;base64,${(await spokenBytes('wav')).toString('base64')}`;
  const inputs = [
    ['smollm2-135m', { messages: [capital], temperature: 0, max_tokens: 16 }],
    ['en-us-joe', { input: sentence, voice: 'default' }],
    ['whisper-tiny-en', { file }],
    ['multilingual-e5-small', { input: passages }],
  ] as const;
  const ids = await Promise.all(
    inputs.map(async ([model, input]) => (await house.json<{ id: string }>('/jobs', { model, input })).id),
  );
  const jobs = await Promise.all(ids.map(ended));
  assert.deepEqual(
    jobs.map(({ status }) => status),
    inputs.map(() => 'completed'),
  );
  const [, , heard, vectors] = jobs.map(({ output }) => output);
  assert.ok(isWhatWasSaid((heard as OpenAI.Audio.Transcription).text));
  assert.equal((vectors as OpenAI.CreateEmbeddingResponse).data.length, passages.length);
  assert.equal((await loadedModels()).length, 1);
});

test('an unknown model is a 404 that names itself', async () => {
  const call = openai.chat.completions.create({ model: 'gpt-nothing', messages: [capital] });
  await assert.rejects(call, { status: 404, code: 'model_not_found', param: 'model' });
});

test('a stream that is cancelled ends at once, and the model goes on with the next', async () => {
  let status = await cancelledStream();
  for (let left = 4; left > 0 && status === 'completed'; left--) status = await cancelledStream();
  assert.equal(status, 'cancelled');
  const next = await openai.chat.completions.create({
    model: 'smollm2-135m',
    messages: [capital],
    max_tokens: 8,
  });
  assert.equal(next.object, 'chat.completion');
});

/** How it ended: its text may be at its end, by chance or because the machine paused, before it hears. */
async function cancelledStream(): Promise<string> {
  const stream = await openai.chat.completions.create({
    model: 'smollm2-135m',
    messages: [{ role: 'user', content: 'Tell me a very long story about a railway.' }],
    max_tokens: 1500,
    stream: true,
  });
  for await (const _ of stream) break;
  const { data } = await house.json<{ data: { id: string }[] }>('/jobs?limit=1');
  await house.fetch(`/jobs/${data[0]?.id}/cancel`, { method: 'POST' });
  const job = await house.json<{ status: string }>(`/jobs/${data[0]?.id}?wait=30`);
  return job.status;
}

async function loadedModels(): Promise<string[]> {
  const { data } = await house.json<{ data: { id: string; status: string }[] }>('/v1/models');
  return data.filter(({ status }) => status === 'loaded').map(({ id }) => id);
}

/** Length of a PCM WAV with the usual 44-byte header, or a streamed one whose sizes are not known in advance. */
function secondsOf(wav: Buffer): number {
  const bytesPerSecond = wav.readUInt32LE(28);
  return (wav.length - 44) / bytesPerSecond;
}

interface EndedJob {
  readonly status: string;
  readonly output: unknown;
}

async function ended(id: string): Promise<EndedJob> {
  for (;;) {
    const job = await house.json<EndedJob>(`/jobs/${id}?wait=60`);
    if (!['queued', 'in_progress'].includes(job.status)) return job;
  }
}

async function spokenBytes(format: 'wav' | 'mp3' | 'flac'): Promise<Buffer> {
  const answer = await openai.audio.speech.create({
    model: 'tts-1',
    voice: 'alloy',
    input: sentence,
    response_format: format,
  });
  return Buffer.from(await answer.arrayBuffer());
}

const spoken = async (format: 'wav' | 'mp3' | 'flac') =>
  toFile(await spokenBytes(format), `speech.${format}`);

/** Most of its words: the voice never says a sentence twice in the same way. */
function isWhatWasSaid(text: string): boolean {
  const words = (of: string) => of.toLowerCase().match(/[a-z]+/g) ?? [];
  const heard = new Set(words(text));
  const said = words(sentence);
  return said.filter((word) => heard.has(word)).length >= said.length * 0.8;
}

/** `input_type` is an extension, so OpenAI's types do not know it. */
async function embedded(
  input: readonly string[],
  input_type: 'query' | 'passage',
): Promise<readonly number[][]> {
  const body = { model: 'multilingual-e5-small', input: [...input], input_type };
  const { data } = await openai.embeddings.create(body);
  return data.map(({ embedding }) => embedding);
}

const dot = (left: readonly number[], right: readonly number[]): number =>
  left.reduce((sum, value, i) => sum + value * (right[i] ?? 0), 0);
