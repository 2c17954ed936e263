import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planJob } from '../../../src/api/job-call.ts';
import { planCall } from '../../../src/api/model-call.ts';
import { aModelSpec, aRegistry } from '../../fakes/a-registry.ts';

const registry = aRegistry(
  aModelSpec('composer', { type: 'audio', endpoints: ['/v1/audio/generations'], aliases: ['eleven_v2'] }),
  aModelSpec('painter', { type: 'image', endpoints: ['/v1/images/generations', '/v1/images/edits'] }),
);
const plan = (endpoint: string, value: Record<string, unknown>, facts = {}) =>
  planCall(registry, endpoint, { text: JSON.stringify(value), value }, facts);
const job = (value: Record<string, unknown>) => planJob(registry, { text: JSON.stringify(value), value });

test('a sound of ElevenLabs’ clients is music, in their format or as MP3, and is answered with bytes', () => {
  const call = plan('/v1/sound-generation', { text: 'rain', model_id: 'eleven_v2', prompt_influence: 0.5 });
  assert.deepEqual([call.spec.id, call.endpoint, call.shape], ['composer', '/v1/audio/generations', 'bytes']);
  assert.deepEqual(JSON.parse(call.body), {
    prompt_influence: 0.5,
    model: 'composer',
    prompt: 'rain',
    output_format: 'mp3',
  });
  const opus = plan('/v1/sound-generation', { text: 'rain' }, { format: 'opus_48000_32' });
  assert.equal(JSON.parse(opus.body).output_format, 'opus');
  assert.throws(() => plan('/v1/sound-generation', { text: 'rain' }, { format: 'pcm_16000' }), {
    param: 'output_format',
  });
  assert.throws(() => plan('/v1/sound-generation', { prompt: 'rain' }), { param: 'text' });
});

test('a sound may be a job, too; what is wrong is named within its input', () => {
  const endpoint = '/v1/sound-generation';
  const call = job({ endpoint, input: { text: 'rain', model_id: 'composer', webhook_id: 1 } });
  assert.deepEqual([call.spec.id, call.endpoint], ['composer', '/v1/audio/generations']);
  assert.throws(() => job({ endpoint, input: { text: 'rain', duration_seconds: 301 } }), {
    param: 'input.duration_seconds',
  });
});

test('how files travel is not told to the model server, and a sound format has one name', () => {
  const value = { model: 'painter', prompt: 'x', response_format: 'url' };
  const call = plan('/v1/images/generations', value);
  assert.deepEqual([call.shape, JSON.parse(call.body)], ['url', { model: 'painter', prompt: 'x' }]);
  const sound = plan('/v1/audio/generations', { prompt: 'x', response_format: 'flac' });
  assert.deepEqual(JSON.parse(sound.body), { prompt: 'x', model: 'composer', output_format: 'flac' });
  const { body } = job({
    model: 'painter',
    input: { prompt: 'x', response_format: 'b64_json', stream: true },
  });
  assert.deepEqual(JSON.parse(body), { model: 'painter', prompt: 'x', stream: false });
});

test('a sound has the format that its client accepts, unless it names another', () => {
  const formatOf = (accept: string, body = {}) =>
    JSON.parse(plan('/v1/audio/generations', { prompt: 'x', ...body }, { accept }).body).output_format;
  assert.deepEqual(
    ['audio/mpeg', 'text/html, audio/flac;q=0.9, */*', 'audio/*', 'image/png', ''].map((each) =>
      formatOf(each),
    ),
    ['mp3', 'flac', undefined, undefined, undefined],
  );
  assert.equal(formatOf('audio/mpeg', { output_format: 'wav' }), 'wav');
});

test('bytes are for one sound; an image stays JSON whatever is accepted', () => {
  const accept = 'audio/mpeg, */*';
  assert.equal(plan('/v1/audio/generations', { prompt: 'x' }, { accept }).shape, 'bytes');
  assert.equal(plan('/v1/images/generations', { prompt: 'x' }, { accept: 'image/png' }).shape, 'b64_json');
  assert.throws(() => plan('/v1/audio/generations', { prompt: 'x', n: 2 }, { accept }), { param: 'n' });
});

const limits: readonly (readonly [endpoint: string, body: object, param: string])[] = [
  ['/v1/images/generations', { n: 11 }, 'n'],
  ['/v1/images/generations', { size: '2049x64' }, 'size'],
  ['/v1/images/generations', { size: 'large' }, 'size'],
  ['/v1/images/generations', { size: '64x' }, 'size'],
  ['/v1/images/generations', { steps: 51 }, 'steps'],
  ['/v1/images/generations', { num_inference_steps: 0 }, 'num_inference_steps'],
  ['/v1/images/generations', { partial_images: 4 }, 'partial_images'],
  ['/v1/images/generations', { output_format: 'gif' }, 'output_format'],
  ['/v1/images/generations', { stream: true, n: 2 }, 'n'],
  ['/v1/images/generations', { prompt: '' }, 'prompt'],
  ['/v1/audio/generations', { duration_seconds: 301 }, 'duration_seconds'],
  ['/v1/audio/generations', { stream: true }, 'stream'],
  ['/v1/audio/generations', { response_format: 'json' }, 'response_format'],
];

for (const [endpoint, body, param] of limits) {
  test(`${JSON.stringify(body)} is refused by ${endpoint} before anything is queued`, () => {
    assert.throws(() => plan(endpoint, { prompt: 'x', ...body }), {
      status: 400,
      code: 'invalid_value',
      param,
    });
  });
}

test('an edit without its image is refused, and one that has it needs no form', () => {
  assert.throws(() => plan('/v1/images/edits', { prompt: 'x' }), { param: 'image' });
  const call = plan('/v1/images/edits', { prompt: 'x', image: 'data:image/png;base64,iVBORw==' });
  assert.deepEqual([call.files.length, JSON.parse(call.body)], [1, { prompt: 'x', model: 'painter' }]);
  assert.throws(() => job({ model: 'painter', endpoint: '/v1/images/edits', input: { prompt: 'x' } }), {
    param: 'input.image',
  });
});
