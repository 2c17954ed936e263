import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { test } from 'node:test';
import { aModelSpec, aRegistry } from '../../fakes/a-registry.ts';
import { ApiBox, apiKey, errorOf } from '../../fakes/api-box.ts';

const registry = aRegistry(
  aModelSpec('listener', { type: 'transcription', endpoints: ['/v1/audio/transcriptions'], queueCap: 1 }),
  aModelSpec('painter', { type: 'image', endpoints: ['/v1/images/generations', '/v1/images/edits'] }),
);
const open = () => ApiBox.open({ registry });
const png = Buffer.from('\x89PNG\r\n\x1a\n rest of a picture', 'latin1');
const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

function formOf(fields: Record<string, string>, files: Record<string, Buffer | string> = {}): FormData {
  const form = new FormData();
  for (const [name, text] of Object.entries(fields)) form.append(name, text);
  for (const [name, bytes] of Object.entries(files))
    form.append(name, new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'audio/mpeg' }), `${name}.bin`);
  return form;
}

const listen = '/v1/audio/transcriptions';
const edit = '/v1/images/edits';
const send = (box: ApiBox, path: string, body: FormData, headers = {}) =>
  box.fetch(path, { method: 'POST', body, headers });

test('a form becomes a job: its values with their types, its file on the disk, its model by name', async () => {
  await using box = await open();
  const fields = {
    model: 'listener',
    temperature: '0.5',
    'timestamp_granularities[]': 'word',
    priority: 'low',
  };
  const answer = send(box, listen, formOf(fields, { file: 'sound' }));
  const job = await box.nextJob();
  assert.deepEqual(job.body, { model: 'listener', temperature: 0.5, timestamp_granularities: ['word'] });
  assert.equal(job.record.class, 'batch');
  const upload = { index: 0, field: 'file', fileName: 'file.bin', contentType: 'audio/mpeg' };
  assert.deepEqual(job.submitted.uploads, {
    url: null,
    files: [{ ...upload, bytes: 5, sha256: sha256('sound') }],
  });
  assert.deepEqual(box.uploads.files.get(`${job.id}/0`), Buffer.from('sound'));
  job.start().complete({ output: { text: 'hi' } });
  assert.deepEqual(await (await answer).json(), { text: 'hi' });
});

test('a form without a model goes to the default one of its endpoint, under both paths', async () => {
  await using box = await open();
  for (const path of [listen, listen.slice('/v1'.length)]) {
    const answer = send(box, path, formOf({}, { file: 'sound' }));
    const job = await box.nextJob();
    assert.equal(job.record.model, 'listener');
    job.start().complete({ output: {} });
    assert.equal((await answer).status, 200);
  }
});

const refused: readonly (readonly [
  what: string,
  path: string,
  form: FormData,
  status: number,
  code: string,
  param: string | null,
])[] = [
  ['without its file', listen, formOf({ model: 'listener' }), 400, 'missing_required_parameter', 'file'],
  ['with an empty file', listen, formOf({}, { file: '' }), 400, 'invalid_value', 'file'],
  ['with a text for its file', listen, formOf({ file: 'x' }), 400, 'invalid_value', 'file'],
  ['with a file of another name', listen, formOf({}, { image: 'x' }), 400, 'unknown_parameter', 'image'],
  [
    'with a wrong value',
    listen,
    formOf({ temperature: '3' }, { file: 'x' }),
    400,
    'invalid_value',
    'temperature',
  ],
  [
    'with a word for a number',
    listen,
    formOf({ temperature: 'hot' }, { file: 'x' }),
    400,
    'invalid_value',
    'temperature',
  ],
  [
    'for an unknown model',
    listen,
    formOf({ model: 'gpt-9' }, { file: 'x' }),
    404,
    'model_not_found',
    'model',
  ],
  [
    'for a model of another kind',
    listen,
    formOf({ model: 'painter' }, { file: 'x' }),
    400,
    'unsupported_endpoint',
    'model',
  ],
  [
    'with a bad webhook',
    listen,
    formOf({ webhook: 'ftp://x' }, { file: 'x' }),
    400,
    'invalid_webhook_url',
    'webhook',
  ],
  [
    'with a file that is too large',
    listen,
    formOf({}, { file: Buffer.alloc(1024 * 1024 + 1) }),
    413,
    'payload_too_large',
    'file',
  ],
  [
    'with a field that is too large',
    edit,
    formOf({ prompt: 'x'.repeat(300_000) }, { image: png }),
    400,
    'invalid_value',
    'prompt',
  ],
  [
    'with no image for an image',
    edit,
    formOf({ prompt: 'x' }, { image: 'a text' }),
    400,
    'invalid_image',
    'image',
  ],
  ['with two masks', edit, twoMasks(), 400, 'invalid_value', 'mask'],
];

function twoMasks(): FormData {
  const form = formOf({ prompt: 'x' }, { image: png });
  for (const name of ['mask', 'mask']) form.append(name, new Blob([png as Uint8Array<ArrayBuffer>]), 'a.png');
  return form;
}

for (const [what, path, form, status, code, param] of refused) {
  test(`a form ${what} is refused, with nothing queued and nothing left on the disk`, async () => {
    await using box = await open();
    const response = await send(box, path, form);
    const error = await errorOf(response);
    assert.deepEqual([response.status, error.code, error.param], [status, code, param]);
    assert.deepEqual([box.queue.jobs.size, box.uploads.files.size], [0, 0]);
  });
}

test('a file of exactly the largest size is taken', async () => {
  await using box = await open();
  const answer = send(box, listen, formOf({}, { file: Buffer.alloc(1024 * 1024, 7) }));
  const job = await box.nextJob();
  assert.equal(job.submitted.uploads?.files[0]?.bytes, 1024 * 1024);
  job.start().complete({ output: {} });
  assert.equal((await answer).status, 200);
});

test('a body that says that it is far too long is refused before any of it is read', async () => {
  await using box = await open();
  const response = await rawPost(box, 'content-type: multipart/form-data; boundary=b', 500_000_000, null);
  assert.match(response, /^HTTP\/1.1 413 /);
  assert.match(response, /connection: close/i);
});

const broken: readonly (readonly [what: string, type: string, body: string])[] = [
  ['without a boundary', 'multipart/form-data', 'x'],
  [
    'that ends early',
    'multipart/form-data; boundary=b',
    '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nhalf',
  ],
  ['that is none', 'multipart/form-data; boundary=b', 'hello'],
  [
    'with a part without a name',
    'multipart/form-data; boundary=b',
    '--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n--b--\r\n',
  ],
];

for (const [what, type, body] of broken) {
  test(`a form ${what} is invalid_form, and leaves nothing`, async () => {
    await using box = await open();
    const response = await box.fetch(listen, { method: 'POST', body, headers: { 'content-type': type } });
    const { code } = await errorOf(response);
    assert.deepEqual([response.status, code], [400, 'invalid_form']);
    assert.deepEqual([box.queue.jobs.size, box.uploads.files.size], [0, 0]);
  });
}

test('a client that leaves in the middle of its file leaves nothing, and breaks nothing', async () => {
  await using box = await open();
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const write = box.uploads.write.bind(box.uploads);
  box.uploads.write = async (id, index, type, bytes) => {
    async function* told(): AsyncGenerator<Uint8Array> {
      for await (const piece of bytes) {
        begun.resolve();
        yield piece;
      }
    }
    return write(id, index, type, told()).finally(ended.resolve);
  };
  const head = '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n';
  const request = httpRequest(`${box.url}${listen}`, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b', authorization: `Bearer ${apiKey}` },
  });
  request.on('error', () => undefined);
  request.write(head + 'x'.repeat(100_000));
  await begun.promise;
  request.destroy();
  await ended.promise;
  assert.deepEqual([box.queue.jobs.size, box.uploads.files.size], [0, 0]);
  assert.deepEqual(box.events.of('system.fault'), []);
});

test('a full disk refuses a file with 507, a full queue with 429, and what was stored is removed', async () => {
  await using box = await open();
  box.uploads.isDiskFull = true;
  const full = await send(box, listen, formOf({}, { file: 'x' }));
  assert.deepEqual([full.status, (await errorOf(full)).code], [507, 'storage_full']);
  box.uploads.isDiskFull = false;
  const accepted = await send(box, listen, formOf({}, { file: 'x' }), { prefer: 'respond-async' });
  assert.equal(accepted.status, 202);
  assert.equal(accepted.headers.get('preference-applied'), 'respond-async');
  const second = await send(box, listen, formOf({}, { file: 'x' }), { prefer: 'respond-async' });
  assert.equal(second.status, 429);
  assert.equal(box.uploads.files.size, 1);
});

test('a form that an SDK sends again finds its job, and its file is kept once', async () => {
  await using box = await open();
  const first = send(box, listen, formOf({}, { file: 'sound' }));
  const job = await box.nextJob();
  const joined = box.queue.reads(job.id);
  const again = send(box, listen, formOf({}, { file: 'sound' }), { 'x-stainless-retry-count': '1' });
  const other = send(box, listen, formOf({}, { file: 'other' }), { 'x-stainless-retry-count': '1' });
  assert.equal((await errorOf(await other)).code, 'queue_full');
  await joined;
  job.start().complete({ output: { text: 'hi' } });
  for (const answer of [first, again]) assert.deepEqual(await (await answer).json(), { text: 'hi' });
  assert.deepEqual([...box.uploads.files.keys()], [`${job.id}/0`]);
});

test('a form to an endpoint that takes none is 415, and so is a text to one that takes forms', async () => {
  await using box = await open();
  const form = await send(box, '/v1/images/generations', formOf({ prompt: 'x' }));
  assert.equal(form.status, 415);
  const text = await box.fetch(listen, {
    method: 'POST',
    body: 'x',
    headers: { 'content-type': 'text/plain' },
  });
  assert.match((await errorOf(text)).message, /Send multipart\/form-data or application\/json/);
});

test('a client that waits for permission gets it, and only then sends its form', async () => {
  await using box = await open();
  const body = `--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nsound\r\n--b--\r\n`;
  const answer = rawPost(
    box,
    'expect: 100-continue\r\ncontent-type: multipart/form-data; boundary=b',
    body.length,
    body,
  );
  const job = await box.nextJob();
  job.start().complete({ output: { text: 'hi' } });
  assert.match(await answer, /^HTTP\/1.1 100 Continue[\s\S]*\r\nHTTP\/1.1 200 OK/);
});

/** All that comes back. @param body sent once something has come, null: never */
async function rawPost(box: ApiBox, headers: string, length: number, body: string | null): Promise<string> {
  const { connect } = await import('node:net');
  const socket = connect(box.server.port, '127.0.0.1');
  socket.write(
    `POST ${listen} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${apiKey}\r\ncontent-length: ${length}\r\n` +
      `connection: close\r\n${headers}\r\n\r\n`,
  );
  let text = '';
  for await (const piece of socket) {
    if (text === '' && body !== null) socket.write(body);
    text += piece;
  }
  return text;
}
