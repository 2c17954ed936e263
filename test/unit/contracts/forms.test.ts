import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formRules, formTexts, formValues } from '../../../src/contracts/openai/forms.ts';

const speech = formRules.get('/v1/audio/transcriptions');
const edits = formRules.get('/v1/images/edits');
assert.ok(speech && edits);

test('the texts of a form become the values that JSON would have', () => {
  const texts = [
    ['model', 'whisper'],
    ['temperature', '0.2'],
    ['stream', 'true'],
    ['timestamp_granularities[]', 'word'],
    ['timestamp_granularities[]', 'segment'],
    ['policy', '{"result_ttl_seconds":60}'],
  ] as const;
  assert.deepEqual(formValues(speech, texts), {
    model: 'whisper',
    temperature: 0.2,
    stream: true,
    timestamp_granularities: ['word', 'segment'],
    policy: { result_ttl_seconds: 60 },
  });
});

test('what is no number or boolean stays a text, for the schema to refuse', () => {
  const texts = [
    ['n', 'two'],
    ['seed', '1e3'],
    ['stream', 'yes'],
    ['policy', '{'],
    ['steps', ''],
  ] as const;
  assert.deepEqual(formValues(edits, texts), {
    n: 'two',
    seed: '1e3',
    stream: 'yes',
    policy: '{',
    steps: '',
  });
});

test('a field that comes twice is a list of both, so that none of them is taken silently', () => {
  const texts = [
    ['prompt', 'a'],
    ['prompt', 'b'],
  ] as const;
  assert.deepEqual(formValues(edits, texts), { prompt: ['a', 'b'] });
});

test('names that mean something to JavaScript are names like others', () => {
  const values = formValues(edits, [
    ['__proto__', 'x'],
    ['constructor', 'y'],
    ['toString[]', 'z'],
  ]);
  assert.deepEqual(Object.keys(values), ['__proto__', 'constructor', 'toString']);
  assert.equal(Object.getPrototypeOf(values), Object.prototype);
});

test('values become the texts of a form again: lists under name[], nothing for null', () => {
  const values = {
    n: 2,
    stream: false,
    prompt: 'ü',
    mask: null,
    none: undefined,
    words: ['a', 'b'],
    deep: { a: 1 },
  };
  assert.deepEqual(formTexts(values), [
    ['n', '2'],
    ['stream', 'false'],
    ['prompt', 'ü'],
    ['words[]', 'a'],
    ['words[]', 'b'],
    ['deep', '{"a":1}'],
  ]);
});
