import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { Box, type Orchestrator } from '../helpers/orchestrator.ts';
import { standInModels } from '../helpers/stand-in-models.ts';

/** One turntable of all kinds of models; each is a stand-in whose files are real. */
const models = standInModels([
  { id: 'painter', type: 'image', args: { tokens: 3 } },
  { id: 'slow-painter', type: 'image', args: { tokens: 1000, token_ms: 20 } },
  { id: 'composer', type: 'audio', args: { tokens: 2 } },
  { id: 'listener', type: 'transcription', args: { tokens: 3 } },
  { id: 'encoder', type: 'embedding', args: { tokens: 1 } },
  { id: 'chat', endpoint: ['/v1/chat/completions', '/v1/responses'], args: { tokens: 3 } },
]);

let box: Box;
let house: Orchestrator;
let openai: OpenAI;

before(async () => {
  box = await Box.create();
  house = await box.start({ models, env: { ROUNDHOUSE_UPLOAD_MAX_MB: '1' } });
  openai = new OpenAI({ apiKey: house.apiKey, baseURL: `${house.url}/v1`, maxRetries: 0 });
});

after(async () => {
  const code = await house.stop();
  const survivors = await box.survivors();
  await box[Symbol.asyncDispose]();
  assert.deepEqual([code, survivors], [0, []]);
});

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Width and height of a PNG. */
function sidesOf(png: Buffer): readonly [number, number] {
  assert.equal(png.toString('latin1', 1, 4), 'PNG');
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
}

/** All that Redis keeps of everything, searched for a text. */
async function isInRedis(text: string): Promise<boolean> {
  const folder = join(box.dataDir, 'redis');
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((each) => each.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  assert.ok(files.length > 0);
  const contents = await Promise.all(files.map((path) => readFile(path)));
  return contents.some((bytes) => bytes.includes(text));
}

interface Job {
  readonly id: string;
  readonly status: string;
  readonly output: { readonly data: readonly { readonly url: string; readonly b64_json?: string }[] } | null;
  readonly files: readonly { readonly url: string; readonly bytes: number; readonly sha256: string }[];
  readonly progress: number | null;
}

test('the SDK gets images as base64, of the size and number that it asked for', async () => {
  const answer = await openai.images.generate({
    ...{ model: 'painter', prompt: 'a roundhouse', n: 2, size: '64x32' as '1024x1024' },
  });
  const images = (answer.data ?? []).map(({ b64_json: base64 }) => Buffer.from(base64 ?? '', 'base64'));
  assert.deepEqual(images.map(sidesOf), [
    [64, 32],
    [64, 32],
  ]);
  assert.equal(answer.data?.[0]?.revised_prompt, 'a roundhouse');
  assert.equal(answer.usage?.total_tokens, 2);
  // What is acknowledged may still wait for its disk.
  while (!(await isInRedis('a roundhouse'))) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(!(await isInRedis((images[0] as Buffer).toString('base64'))));
});

test('the SDK gets an image as a link that needs no key, and that nobody can change', async () => {
  const seeds = { seed: 7 };
  const answer = await openai.images.generate({
    ...{ model: 'painter', prompt: 'x', response_format: 'url', ...seeds },
  });
  const url = answer.data?.[0]?.url ?? '';
  const image = await fetch(url);
  assert.equal(image.headers.get('content-type'), 'image/png');
  assert.deepEqual(sidesOf(Buffer.from(await image.arrayBuffer())), [16, 16]);
  const changed = [
    url.replace(/exp=\d+/, 'exp=99999999999'),
    url.replace('/content/0', '/content/1'),
    url.replace(/sig=./, 'sig='),
    url.replace(/\/content\/0\?.*/, '/content/0'),
  ];
  const statuses = await Promise.all(changed.map(async (each) => (await fetch(each)).status));
  assert.deepEqual(statuses, [403, 403, 403, 401]);
});

test('a job shows links in place of its images, and keeps none of their bytes in Redis', async () => {
  const { id } = await house.json<Job>('/jobs', { model: 'painter', input: { prompt: 'x', seed: 3, n: 2 } });
  const job = await house.json<Job>(`/jobs/${id}?wait=30`);
  assert.equal(job.status, 'completed');
  const [first, second] = job.output?.data ?? [];
  assert.deepEqual([first?.b64_json, second?.url], [undefined, job.files[1]?.url]);
  const bytes = Buffer.from(await (await fetch(second?.url ?? '')).arrayBuffer());
  assert.deepEqual([bytes.length, sha256(bytes)], [job.files[1]?.bytes, job.files[1]?.sha256]);
});

test('the SDK edits images: they and their mask reach the model whole, beside the fields', async () => {
  const [photo, other, mask] = await Promise.all([aPng(), aPng(), aPng()]);
  const answer = await openai.images.edit({
    model: 'painter',
    prompt: 'at "night"',
    image: [await toFile(photo, 'a.png', { type: 'image/png' }), await toFile(other, 'b.png')],
    mask: await toFile(mask, 'm.png'),
  });
  const told = answer.data?.[0]?.revised_prompt ?? '';
  for (const bytes of [photo, other, mask]) assert.ok(told.includes(sha256(bytes)), told);
  assert.ok(told.startsWith('at "night" | a.png '));
});

test('a stream of images shows partial ones and the last, which alone is kept', async () => {
  const stream = await openai.images.generate({
    model: 'painter',
    prompt: 'x',
    stream: true,
    partial_images: 2,
  });
  const events: { type: string; bytes: Buffer }[] = [];
  for await (const event of stream)
    events.push({ type: event.type, bytes: Buffer.from(event.b64_json, 'base64') });
  assert.deepEqual(
    events.map(({ type }) => type.replace('image_generation.', '')),
    ['partial_image', 'partial_image', 'completed'],
  );
  for (const { bytes } of events) sidesOf(bytes);
  const { data } = await house.json<{ data: Job[] }>('/jobs?limit=1');
  const [job] = data;
  assert.equal(job?.files.length, 1);
  assert.equal(job?.files[0]?.sha256, sha256(events.at(-1)?.bytes ?? Buffer.alloc(0)));
});

test('a slow image is cancelled by its client, and its progress is told until then', async () => {
  const { id } = await house.json<Job>('/jobs', { model: 'slow-painter', input: { prompt: 'x' } });
  await house.next('job.started', { jobId: id });
  let progress: number | null = null;
  while (!progress) progress = (await house.json<Job>(`/jobs/${id}`)).progress;
  await house.fetch(`/jobs/${id}/cancel`, { method: 'POST' });
  assert.equal((await house.json<Job>(`/jobs/${id}?wait=30`)).status, 'cancelled');
});

test('music is JSON, or the sound itself', async () => {
  const ask = (body: object, accept = 'application/json', path = '/v1/audio/generations') =>
    house.fetch(path, { method: 'POST', body: JSON.stringify(body), headers: { accept } });
  const json = await ask({ model: 'composer', prompt: 'x', duration_seconds: 2 });
  const { data } = (await json.json()) as { data: { b64_json: string; duration_seconds: number }[] };
  const wav = Buffer.from(data[0]?.b64_json ?? '', 'base64');
  assert.deepEqual([wav.toString('latin1', 0, 4), data[0]?.duration_seconds], ['RIFF', 2]);
  const sound = await ask({ model: 'composer', prompt: 'x', duration_seconds: 2 }, 'audio/*');
  assert.equal(sound.headers.get('content-type'), 'audio/wav');
  assert.deepEqual(Buffer.from(await sound.arrayBuffer()), wav);
  const named = { text: 'x', model_id: 'composer', duration_seconds: 2, output_format: 'wav' };
  const alias = await ask(named, '*/*', '/v1/sound-generation');
  assert.deepEqual(Buffer.from(await alias.arrayBuffer()), wav);
  const other = await ask({ model: 'composer', prompt: 'x', output_format: 'mp3' });
  assert.equal(other.status, 502);
  assert.match(
    ((await other.json()) as { error: { message: string } }).error.message,
    /wav that is called mp3/,
  );
});

test('the SDK sends a file to be transcribed, in every form of the answer, and it is gone when its job has ended', async () => {
  const bytes = randomBytes(500_000);
  const file = await toFile(bytes, 'Sitzung 1.mp3', { type: 'audio/mpeg' });
  const expected = `Sitzung 1.mp3 500000 ${sha256(bytes)}`;
  const json = await openai.audio.transcriptions.create({ model: 'listener', file });
  assert.equal(json.text, expected);
  const verbose = await openai.audio.transcriptions.create({
    ...{ model: 'listener', file, response_format: 'verbose_json', timestamp_granularities: ['word'] },
  });
  assert.deepEqual([verbose.text, verbose.words?.[0]?.word], [expected, 'Sitzung']);
  const srt = await openai.audio.transcriptions.create({ model: 'listener', file, response_format: 'srt' });
  assert.match(String(srt), /-->/);
  const english = await openai.audio.translations.create({ model: 'listener', file });
  assert.equal(english.text, expected);
  while ((await filesIn('uploads')) > 0) await house.next('janitor.swept');
});

async function filesIn(folder: string): Promise<number> {
  try {
    const names = await readdir(join(box.dataDir, folder), { recursive: true, withFileTypes: true });
    return names.filter((each) => each.isFile()).length;
  } catch {
    return filesIn(folder); // a folder was just removed
  }
}

test('the SDK reads a transcript as it comes, and its job keeps the whole of it', async () => {
  const file = await toFile(randomBytes(100), 'a.wav');
  const stream = await openai.audio.transcriptions.create({ model: 'listener', file, stream: true });
  const types: string[] = [];
  let text = '';
  for await (const event of stream) {
    types.push(event.type);
    if (event.type === 'transcript.text.done') text = event.text;
  }
  assert.deepEqual(types, [...Array(3).fill('transcript.text.delta'), 'transcript.text.done']);
  const { data } = await house.json<{ data: { output: { text: string } }[] }>('/jobs?limit=1');
  assert.equal(data[0]?.output.text, text);
});

test('a file may come as a job: as a form that is not waited for, and as a data URL', async () => {
  const bytes = randomBytes(1000);
  const form = new FormData();
  form.set('model', 'listener');
  form.set('file', new Blob([bytes]), 'a.wav');
  const headers = { prefer: 'respond-async' };
  const accepted = await house.fetch('/v1/audio/transcriptions', { method: 'POST', body: form, headers });
  assert.equal(accepted.status, 202);
  const { id } = (await accepted.json()) as Job;
  const inline = await house.json<Job>('/jobs', {
    model: 'listener',
    input: { file: `data:audio/wav;base64,${bytes.toString('base64')}` },
  });
  for (const [job, name] of [
    [id, 'a.wav'],
    [inline.id, 'file.wav'],
  ]) {
    const { output } = await house.json<{ output: { text: string } }>(`/jobs/${job}?wait=30`);
    assert.equal(output.text, `${name} 1000 ${sha256(bytes)}`);
  }
});

test('a bad upload is refused before anything is queued, and leaves nothing on the disk', async () => {
  const large = new FormData();
  large.set('file', new Blob([randomBytes(1_100_000)]), 'large.wav');
  const notAnImage = new FormData();
  notAnImage.set('prompt', 'x');
  notAnImage.set('image', new Blob(['hello']), 'a.png');
  const before = await house.json<{ data: Job[] }>('/jobs?limit=100');
  while ((await filesIn('uploads')) > 0) await house.next('janitor.swept');
  const refusals = [
    ['/v1/audio/transcriptions', large],
    ['/v1/images/edits', notAnImage],
  ] as const;
  const codes = await Promise.all(
    refusals.map(async ([path, body]) => {
      const response = await house.fetch(path, { method: 'POST', body });
      return ((await response.json()) as { error: { code: string; param: string } }).error;
    }),
  );
  assert.deepEqual(
    codes.map(({ code, param }) => [code, param]),
    [
      ['payload_too_large', 'file'],
      ['invalid_image', 'image'],
    ],
  );
  const now = await house.json<{ data: Job[] }>('/jobs?limit=100');
  assert.equal(now.data.length, before.data.length);
  await assert.rejects(
    openai.audio.transcriptions.create({ model: 'listener', file: await toFile(Buffer.alloc(0), 'a.wav') }),
    (error: InstanceType<typeof OpenAI.APIError>) => error.status === 400 && error.param === 'file',
  );
  assert.equal(await filesIn('uploads'), 0);
});

test('the SDK gets embeddings, as base64 under the hood and as numbers', async () => {
  const input = ['eins', 'zwei', 'drei'];
  const base64 = await openai.embeddings.create({ model: 'encoder', input });
  const floats = await openai.embeddings.create({ model: 'encoder', input, encoding_format: 'float' });
  assert.deepEqual(base64.data, floats.data);
  assert.deepEqual(
    base64.data.map(({ index, embedding }) => [index, embedding.length]),
    [
      [0, 8],
      [1, 8],
      [2, 8],
    ],
  );
});

test('the SDK gets a response, whole and as events, and its job keeps it', async () => {
  const whole = await openai.responses.create({ model: 'chat', input: 'one two' });
  assert.equal(whole.output_text, 'echo: one two');
  const stream = await openai.responses.create({ model: 'chat', input: 'one two', stream: true });
  const types: string[] = [];
  for await (const event of stream) types.push(event.type);
  assert.deepEqual([types[0], types.at(-1), types.length], ['response.created', 'response.completed', 5]);
  const { data } = await house.json<{ data: { output: { object: string }; usage: object }[] }>(
    '/jobs?limit=1',
  );
  assert.equal(data[0]?.output.object, 'response');
  assert.deepEqual(data[0]?.usage, { input_tokens: 1, output_tokens: 1, total_tokens: 2 });
});

/** A real image, and never the same. */
async function aPng(): Promise<Buffer> {
  const seed = randomBytes(4).readUInt32BE();
  const { data } = await openai.images.generate({ ...{ model: 'painter', prompt: 'x', seed } });
  return Buffer.from(data?.[0]?.b64_json ?? '', 'base64');
}
