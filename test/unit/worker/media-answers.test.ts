import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { NewJob } from '../../../src/contracts/job.ts';
import { answered, bytes, eventsAnswer, jsonAnswer } from '../../fakes/fake-model-http.ts';
import { errorOf, runJob } from './worker-box.ts';

const png = Buffer.from('\x89PNG\r\n\x1a\n a picture', 'latin1');
const jpeg = Buffer.from('\xff\xd8\xff\xe0 another', 'latin1');
const wav = Buffer.from('RIFF\x10\0\0\0WAVEfmt ', 'latin1');
const base64 = (file: Buffer): string => file.toString('base64');

const images: Partial<NewJob> = { endpoint: '/v1/images/generations', modelType: 'image' };
const paint = (t: TestContext, answer: Parameters<typeof runJob>[1], body: object = {}, over = {}) =>
  runJob(t, answer, { ...images, body: JSON.stringify({ prompt: 'x', ...body }), ...over });

const withImages = (...files: readonly Buffer[]) => ({
  created: 7,
  data: files.map((file, seed) => ({ b64_json: base64(file), seed })),
  usage: { total_tokens: 3 },
});

test('images in an answer become files, their numbers take their place, and nothing else is lost', async (t) => {
  const { box, job, outcome } = await paint(t, () => jsonAnswer(withImages(png, jpeg)));
  assert.ok(outcome?.kind === 'completed');
  const { output, files, usage } = outcome.result;
  const data = [
    { file: 0, seed: 0 },
    { file: 1, seed: 1 },
  ];
  assert.deepEqual([output, usage], [{ created: 7, data, usage: { total_tokens: 3 } }, { total_tokens: 3 }]);
  assert.deepEqual(
    files.map(({ index, contentType }) => [index, contentType]),
    [
      [0, 'image/png'],
      [1, 'image/jpeg'],
    ],
  );
  assert.deepEqual(
    box.written.map(({ jobId, bytes: each }) => [jobId, each]),
    [
      [job, png],
      [job, jpeg],
    ],
  );
  assert.ok(box.progress.some(({ phase }) => phase === 'saving'));
});

const wrong: readonly (readonly [
  what: string,
  files: readonly Buffer[],
  request: object,
  more: object,
  RegExp,
])[] = [
  ['a JPEG where a PNG was asked for', [jpeg], { output_format: 'png' }, {}, /jpeg that is called png/],
  ['a JPEG that the answer calls PNG', [jpeg], {}, { output_format: 'png' }, /jpeg that is called png/],
  ['sound where an image was expected', [wav], {}, {}, /wav where an image was expected/],
  ['a text where an image was expected', [Buffer.from('hello')], {}, {}, /unknown kind where an image/],
];

for (const [what, files, request, more, message] of wrong) {
  test(`${what} fails the job, and once is enough`, async (t) => {
    const { box, job } = await paint(t, () => jsonAnswer({ ...withImages(...files), ...more }), request);
    const { code, message: told } = errorOf(box, job);
    assert.equal(code, 'upstream_bad_response');
    assert.match(told, message);
    assert.equal(box.http.calls.length, 1);
  });
}

const unusable: readonly (readonly [what: string, answer: string, message: RegExp])[] = [
  ['no image', '{"created":1,"data":[]}', /no file in it/],
  ['an image that is empty', '{"data":[{"b64_json":""}]}', /an empty file/],
  ['an image that breaks off', `{"data":[{"b64_json":"${base64(png)}`, /ends within a file/],
  ['no JSON', `{"data":[{"b64_json":"${base64(png)}"}`, /not the JSON/],
];

for (const [what, answer, message] of unusable) {
  test(`an answer with ${what} is tried once more, then it is a bad response`, async (t) => {
    const { box, job } = await paint(t, () => jsonAnswer(answer));
    assert.match(errorOf(box, job).message, message);
    assert.equal(box.http.calls.length, 2);
  });
}

test('a sound that is called by a content type that it is not is no result either', async (t) => {
  const speech: Partial<NewJob> = { endpoint: '/v1/audio/speech', modelType: 'speech' };
  const { box, job } = await runJob(t, () => answered(200, 'audio/mpeg', bytes(wav)), speech);
  assert.match(errorOf(box, job).message, /wav that is called mp3/);
  const raw = await runJob(t, () => answered(200, 'audio/pcm', bytes('anything')), speech);
  assert.equal(raw.outcome?.kind, 'completed');
});

test('a transcript of silence is an empty text, and no failure', async (t) => {
  const spoken: Partial<NewJob> = { endpoint: '/v1/audio/transcriptions', modelType: 'transcription' };
  const { outcome } = await runJob(t, () => answered(200, 'text/plain; charset=utf-8', bytes()), spoken);
  assert.ok(outcome?.kind === 'completed');
  assert.equal(outcome.result.files[0]?.bytes, 0);
});

const event = (type: string, more: object = {}): string =>
  `data: ${JSON.stringify({ type: `image_generation.${type}`, ...more })}\n\n`;

test('of a stream of images the client gets all, and the job keeps the one that is completed', async (t) => {
  const partial = event('partial_image', { b64_json: base64(jpeg), partial_image_index: 0 });
  const last = { b64_json: base64(png), created_at: 9, size: '16x16', usage: { total_tokens: 2 } };
  const stream = () => eventsAnswer(bytes(partial, event('completed', last)));
  const { box, outcome } = await paint(t, stream, { stream: true }, { stream: true });
  assert.ok(outcome?.kind === 'completed');
  const { output, files } = outcome.result;
  const data = [{ file: 0, size: '16x16' }];
  assert.deepEqual(output, { created: 9, data, usage: { total_tokens: 2 } });
  assert.deepEqual([files.length, box.written.map((each) => each.bytes)], [1, [png]]);
  const chunks = box.messages.flatMap((message) => (message.type === 'chunk' ? message.data : []));
  assert.deepEqual(
    chunks.map((text) => (JSON.parse(text) as { b64_json: string }).b64_json),
    [base64(jpeg), base64(png)],
  );
});

test('a stream of images that ends without one is tried once more, whatever its last word is', async (t) => {
  for (const end of ['', 'data: [DONE]\n\n']) {
    const stream = () => eventsAnswer(bytes(event('partial_image', { b64_json: base64(png) }), end));
    const { box, job } = await paint(t, stream, { stream: true }, { stream: true });
    assert.match(errorOf(box, job).message, /ended before the answer did/);
    assert.equal(box.http.calls.length, 2);
  }
});

const respond = (t: TestContext, ...events: readonly object[]) =>
  runJob(t, () => eventsAnswer(bytes(...events.map((each) => `data: ${JSON.stringify(each)}\n\n`))), {
    endpoint: '/v1/responses',
    stream: true,
  });

test('a response that is streamed is kept as its last event has it', async (t) => {
  const response = { id: 'resp_1', output: [], usage: { total_tokens: 4 } };
  const { outcome } = await respond(
    t,
    { type: 'response.created', response: { id: 'resp_1', error: null } },
    { type: 'response.output_text.delta', delta: 'hi' },
    { type: 'response.completed', response },
  );
  assert.ok(outcome?.kind === 'completed');
  assert.deepEqual([outcome.result.output, outcome.result.usage], [response, { total_tokens: 4 }]);
});

test('a response that fails, or breaks off, fails its job after another try', async (t) => {
  const error = { code: 'server_error', message: 'the model fell over' };
  const failed = await respond(t, { type: 'response.failed', response: { error } });
  assert.deepEqual(
    [errorOf(failed.box, failed.job).code, errorOf(failed.box, failed.job).message],
    ['model_error', 'the model fell over'],
  );
  const cut = await respond(t, { type: 'response.output_text.delta', delta: 'hi' });
  assert.match(errorOf(cut.box, cut.job).message, /ended before the answer did/);
});
