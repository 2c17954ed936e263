import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import OpenAI from 'openai';
import type { Artifact } from '../../../src/contracts/job.ts';
import { SignedLinks } from '../../../src/platform/signed-links.ts';
import { aModelSpec, aRegistry } from '../../fakes/a-registry.ts';
import { ApiBox, apiKey, errorOf, linkSecret, otherKey } from '../../fakes/api-box.ts';
import type { FakeJob } from '../../fakes/fake-job.ts';

const registry = aRegistry(
  aModelSpec('painter', { type: 'image', endpoints: ['/v1/images/generations'] }),
  aModelSpec('composer', { type: 'audio', endpoints: ['/v1/audio/generations'] }),
);
const open = () => ApiBox.open({ registry });
const pictures = [Buffer.from('first picture'), Buffer.alloc(2500, 7), Buffer.from('x')];

/** As its worker leaves it: files on the disk, their numbers in the answer. */
function finish(box: ApiBox, job: FakeJob, contentType = 'image/png'): void {
  const files = pictures.map((bytes, index): Artifact => {
    box.artifacts.files.set(`${job.id}/${index}`, bytes);
    return { index, contentType, bytes: bytes.length, sha256: `${index}` };
  });
  const data = pictures.map((_, file) => ({ file, seed: file }));
  job.start().complete({ output: { created: 1, data, usage: { total_tokens: 2 } }, files });
}

const ask = (box: ApiBox, body: object = {}, headers = {}) =>
  box.post('/v1/images/generations', { prompt: 'x', ...body }, { headers });

interface Item {
  readonly b64_json?: string;
  readonly url?: string;
}
const itemsOf = async (answer: Promise<Response>): Promise<readonly Item[]> =>
  ((await (await answer).json()) as { data: readonly Item[] }).data;

test('a sync answer has the bytes of its files as base64, and tells its length', async () => {
  await using box = await open();
  const answer = ask(box);
  finish(box, await box.nextJob());
  const response = await answer;
  const text = await response.text();
  assert.equal(response.headers.get('content-length'), String(Buffer.byteLength(text)));
  const base64 = pictures.map((bytes) => bytes.toString('base64'));
  assert.deepEqual(JSON.parse(text), {
    created: 1,
    data: base64.map((each, seed) => ({ b64_json: each, seed })),
    usage: { total_tokens: 2 },
  });
});

test('response_format url gives links, which read as the public URL says', async () => {
  await using box = await ApiBox.open({ registry, settings: { publicUrl: 'https://box.example/' } });
  const answer = ask(box, { response_format: 'url' });
  const job = await box.nextJob();
  finish(box, job);
  const query = new SignedLinks(linkSecret).queryOf(job.record, 1);
  const [, second] = await itemsOf(answer);
  assert.deepEqual(second, { url: `https://box.example/jobs/${job.id}/content/1?${query}`, seed: 1 });
});

test('accept: audio/* gives the sound itself', async () => {
  await using box = await open();
  const headers = { accept: 'audio/*' };
  const answer = box.post('/v1/audio/generations', { prompt: 'x' }, { headers });
  finish(box, await box.nextJob(), 'audio/wav');
  const response = await answer;
  assert.equal(response.headers.get('content-type'), 'audio/wav');
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), pictures[0]);
});

test('files that are gone before they are sent are 410, not half an answer', async () => {
  await using box = await open();
  const answer = ask(box);
  const job = await box.nextJob();
  finish(box, job);
  box.artifacts.files.clear();
  const response = await answer;
  assert.deepEqual([response.status, (await errorOf(response)).code], [410, 'content_expired']);
});

test('a stream whose model answered in one piece ends with the events that its client waits for', async () => {
  await using box = await open();
  const client = new OpenAI({ apiKey, baseURL: `${box.url}/v1`, maxRetries: 0 });
  const events = client.images.generate({ model: 'painter', prompt: 'x', stream: true });
  finish(box, await box.nextJob());
  const got: unknown[] = [];
  for await (const event of await events) got.push([event.type, event.b64_json]);
  assert.deepEqual(
    got,
    pictures.map((bytes) => ['image_generation.completed', bytes.toString('base64')]),
  );
});

test('a client of images may be some megabytes behind', async () => {
  await using box = await open();
  const answer = ask(box, { stream: true });
  const job = (await box.nextJob()).start();
  const partial = JSON.stringify({ type: 'image_generation.partial_image', b64_json: 'A'.repeat(3_000_000) });
  job.chunk(partial).chunk(partial);
  job.chunk(JSON.stringify({ type: 'image_generation.completed', b64_json: 'QQ==' }), '[DONE]');
  job.complete({});
  const text = await (await answer).text();
  assert.ok(text.length > 6_000_000 && text.endsWith('data: [DONE]\n\n'));
});

async function linkedJob(box: ApiBox) {
  const answer = ask(box, { response_format: 'url' });
  const job = await box.nextJob();
  finish(box, job);
  const [first, second] = await itemsOf(answer);
  return { job, first: new URL(first?.url ?? ''), second: new URL(second?.url ?? '') };
}

test('a signed link needs no key, knows ranges and HEAD, and works under both paths', async () => {
  await using box = await open();
  const { second } = await linkedJob(box);
  assert.deepEqual(Buffer.from(await (await fetch(second)).arrayBuffer()), pictures[1]);
  const part = await fetch(second, { headers: { range: 'bytes=0-9' } });
  assert.deepEqual([part.status, part.headers.get('content-range')], [206, 'bytes 0-9/2500']);
  assert.equal((await fetch(second, { method: 'HEAD' })).headers.get('content-length'), '2500');
  assert.equal((await fetch(`${box.url}/v1${second.pathname}${second.search}`)).status, 200);
});

const noJob = `job_${'0'.repeat(26)}`;
const tampered: readonly (readonly [what: string, change: (url: URL) => void])[] = [
  ['a later end', (url) => url.searchParams.set('exp', '99999999999')],
  ['no end', (url) => url.searchParams.delete('exp')],
  ['an end that is no number', (url) => url.searchParams.set('exp', 'never')],
  ['another file', (url) => Object.assign(url, { pathname: url.pathname.replace(/1$/, '0') })],
  ['another job', (url) => Object.assign(url, { pathname: url.pathname.replace(/job_\w{26}/, noJob) })],
  [
    'one letter of its signature changed',
    (url) => url.searchParams.set('sig', flipped(url.searchParams.get('sig'))),
  ],
  ['an empty signature', (url) => url.searchParams.set('sig', '')],
  ['two signatures', (url) => url.searchParams.append('sig', 'x')],
];

const flipped = (text: string | null): string =>
  `${text?.startsWith('A') ? 'B' : 'A'}${text?.slice(1) ?? ''}`;

for (const [what, change] of tampered) {
  test(`a link with ${what} is refused`, async () => {
    await using box = await open();
    const { second } = await linkedJob(box);
    change(second);
    const response = await fetch(second);
    assert.deepEqual([response.status, (await errorOf(response)).code], [403, 'invalid_link']);
  });
}

test('a link is for reading its file: other methods and paths want a key as ever', async () => {
  await using box = await open();
  const { second, job } = await linkedJob(box);
  assert.equal((await fetch(second, { method: 'POST' })).status, 401);
  for (const path of [`/jobs/${job.id}`, '/jobs', '/admin/history', '/v1/models', `/jobs/${job.id}/cancel`]) {
    const method = path.endsWith('cancel') ? 'POST' : 'GET';
    assert.equal((await fetch(`${box.url}${path}${second.search}`, { method })).status, 401, path);
  }
});

test("with a key, the key decides: a wrong one is 401, and another key's job is not there", async () => {
  await using box = await open();
  const { second } = await linkedJob(box);
  const statusWith = async (key: string): Promise<number> =>
    (await fetch(second, { headers: { authorization: `Bearer ${key}` } })).status;
  assert.deepEqual(
    [await statusWith('wrong'), await statusWith(otherKey), await statusWith(apiKey)],
    [401, 404, 200],
  );
});

test('a link ends with the result that it is to', async () => {
  await using box = await open();
  const { job, second } = await linkedJob(box);
  const leftMs = job.record.resultTtlMs - 1000;
  await box.clock.advance(leftMs);
  assert.equal((await fetch(second)).status, 200);
  await box.clock.advance(2000);
  assert.equal((await fetch(second)).status, 403);
});

test('a job whose files had to make room says so, and its content is 410', async () => {
  await using box = await open();
  const { job, first } = await linkedJob(box);
  job.record = { ...job.record, dataRemoved: true };
  const view = (await (await box.fetch(`/jobs/${job.id}`)).json()) as {
    data_removed: boolean;
    files: unknown[];
  };
  assert.deepEqual([view.data_removed, view.files.length], [true, 3]);
  for (const response of [await fetch(first), await box.fetch(`/jobs/${job.id}/content`)])
    assert.deepEqual([response.status, (await errorOf(response)).code], [410, 'content_expired']);
});

test('work that ends in a file is refused while every worker’s disk is full, and other work is not', async () => {
  await using box = await open();
  box.board.diskProblem = '/data has 10 MB free, 2147 MB must stay free';
  const refusals = [ask(box), ask(box, {}, { prefer: 'respond-async' }), box.post('/jobs', paint)];
  for (const response of await Promise.all(refusals)) {
    const { code, message } = await errorOf(response);
    assert.deepEqual([response.status, code], [507, 'storage_full']);
    assert.match(message, /10 MB free/);
  }
  assert.equal(box.queue.jobs.size, 0);
  box.board.diskProblem = null;
  await box.clock.advance(10_000);
  await setImmediate();
  assert.equal((await box.post('/jobs', paint)).status, 202);
});

const paint = { model: 'painter', input: { prompt: 'x' } };

test('text is taken although the disk is full', async () => {
  await using box = await ApiBox.open();
  box.board.diskProblem = 'full';
  const input = { messages: [{ role: 'user', content: 'x' }] };
  assert.equal((await box.post('/jobs', { model: 'smollm2', input })).status, 202);
});
