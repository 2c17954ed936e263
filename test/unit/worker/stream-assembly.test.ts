import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamAssembly } from '../../../src/worker/stream-assembly.ts';

const head = { id: 'c1', object: 'chat.completion.chunk', created: 5, model: 'm' };

function assembled(payloads: readonly object[], mostBytes = 100_000) {
  const assembly = new StreamAssembly(mostBytes);
  for (const payload of payloads) assembly.add(JSON.stringify(payload));
  return { ...assembly.result(), isFinished: assembly.isFinished };
}

const delta = (content: object, index = 0, finish_reason: string | null = null) => ({
  ...head,
  choices: [{ index, delta: content, finish_reason }],
});

const choicesOf = ({ output }: { output: unknown }) => (output as { choices: unknown[] }).choices;

test('deltas become one message', () => {
  const whole = assembled([
    delta({ role: 'assistant', content: '' }),
    delta({ content: 'Hel' }),
    delta({ content: 'lo' }),
    delta({}, 0, 'stop'),
  ]);
  assert.deepEqual(choicesOf(whole), [
    { index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hello' } },
  ]);
  assert.equal(whole.isFinished, true);
});

test('usage of the last chunk, which has no choices, is kept', () => {
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  const whole = assembled([delta({ content: 'a' }, 0, 'stop'), { ...head, choices: [], usage }]);
  assert.deepEqual(whole.usage, usage);
  assert.deepEqual((whole.output as { usage: unknown }).usage, usage);
});

test('tool calls are put together by their index, names once and arguments piece by piece', () => {
  const call = (index: number, more: object) => delta({ tool_calls: [{ index, ...more }] });
  const whole = assembled([
    delta({ role: 'assistant', content: null }),
    call(0, { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '' } }),
    call(0, { function: { arguments: '{"city":' } }),
    call(1, { id: 'call_b', type: 'function', function: { name: 'time', arguments: '{}' } }),
    call(0, { function: { arguments: '"Rome"}' } }),
    delta({}, 0, 'tool_calls'),
  ]);
  assert.deepEqual(choicesOf(whole), [
    {
      index: 0,
      finish_reason: 'tool_calls',
      message: {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
          { id: 'call_b', type: 'function', function: { name: 'time', arguments: '{}' } },
        ],
      },
    },
  ]);
});

test('several choices are kept apart, and all must have finished', () => {
  const started = [delta({ content: 'b' }, 1), delta({ content: 'a' }, 0, 'stop')];
  assert.equal(assembled(started).isFinished, false);
  const whole = assembled([...started, delta({}, 1, 'length')]);
  assert.equal(whole.isFinished, true);
  assert.deepEqual(
    choicesOf(whole).map((choice) => (choice as { message: { content: string } }).message.content),
    ['a', 'b'],
  );
});

test('a text completion keeps its own shape', () => {
  const chunk = (text: string, finish_reason: string | null) => ({
    ...{ id: 't1', object: 'text_completion' },
    choices: [{ index: 0, text, finish_reason }],
  });
  const whole = assembled([chunk('one ', null), chunk('two', 'stop')]);
  assert.deepEqual(whole.output, {
    id: 't1',
    object: 'text_completion',
    choices: [{ index: 0, finish_reason: 'stop', text: 'one two' }],
    usage: null,
  });
});

test('reasoning text grows beside the content', () => {
  const whole = assembled([
    delta({ reasoning_content: 'hm' }),
    delta({ reasoning_content: 'm' }),
    delta({ content: '4' }, 0, 'stop'),
  ]);
  assert.deepEqual((choicesOf(whole)[0] as { message: unknown }).message, {
    role: 'assistant',
    content: '4',
    reasoning_content: 'hmm',
  });
});

test('payloads that are no chunks are no answer', () => {
  const assembly = new StreamAssembly(1000);
  for (const payload of ['not json', '17', '["a"]', '{"progress":1}']) assembly.add(payload);
  assert.deepEqual(assembly.result(), { output: null, usage: null });
});

test('log probabilities are kept token by token', () => {
  const token = (text: string) => ({
    ...head,
    choices: [
      { index: 0, delta: { content: text }, logprobs: { content: [{ token: text, logprob: -0.5 }] } },
    ],
  });
  const whole = assembled([token('a'), token('b'), delta({}, 0, 'stop')]);
  assert.deepEqual((choicesOf(whole)[0] as { logprobs: unknown }).logprobs, {
    content: [
      { token: 'a', logprob: -0.5 },
      { token: 'b', logprob: -0.5 },
    ],
  });
});

test('an index that cannot be meant does not make a list of that length', () => {
  const calls = [2 ** 31, -1, 0.5].map((index) => ({ index, id: `at ${index}` }));
  const whole = assembled([delta({ tool_calls: calls }, 0, 'tool_calls')]);
  const { message } = choicesOf(whole)[0] as { message: { tool_calls: unknown[] } };
  assert.equal(message.tool_calls.length, 3);
});

test('of what is too large only the ends of its choices are kept', () => {
  const parts = Array.from({ length: 100 }, () => delta({ content: 'x'.repeat(100) }));
  const whole = assembled([...parts, delta({}, 0, 'stop')], 5000);
  assert.deepEqual([whole.output, whole.isFinished], [null, true]);
});

test('a chunk that only opens an answer is no token, whatever else it leaves empty', () => {
  const hasToken = (...payloads: string[]) => {
    const assembly = new StreamAssembly(1000);
    for (const payload of payloads) assembly.add(payload);
    return assembly.hasToken;
  };
  const opening = JSON.stringify(delta({ role: 'assistant', content: '', reasoning_content: null }));
  assert.equal(hasToken(opening), false);
  for (const token of [
    JSON.stringify(delta({ content: 'a' })),
    JSON.stringify(delta({ role: 'assistant', tool_calls: [{ index: 0 }] })),
    JSON.stringify(delta({}, 0, 'stop')),
    '{"progress":0.5}',
    'not json',
  ])
    assert.equal(hasToken(opening, token), true, token);
});

const words = Array.from({ length: 300 }, (_, at) => `${at} `);
const manyTokens = words.map((content) => JSON.stringify(delta({ content })));

function amid(odd: readonly string[]) {
  const assembly = new StreamAssembly(1_000_000);
  assembly.addAll(manyTokens.slice(0, 100));
  assembly.addAll(odd);
  assembly.addAll(manyTokens.slice(100));
  const wasFinished = assembly.isFinished;
  assembly.add(JSON.stringify(delta({}, 0, 'length')));
  return { wasFinished, isFinished: assembly.isFinished, choices: choicesOf(assembly.result()) };
}

for (const [what, odd] of [
  ['nothing else', []],
  ['something that is no JSON', ['no JSON']],
  ['nothing at all', ['']],
  ['two in one', [`${manyTokens[0]},${manyTokens[1]}`]],
  ['other values', ['[]', '3', 'null', '"text"']],
] as const) {
  test(`an answer of many tokens is whole with ${what} between them`, () => {
    const message = { role: 'assistant', content: words.join('') };
    assert.deepEqual(amid(odd), {
      wasFinished: false,
      isFinished: true,
      choices: [{ index: 0, finish_reason: 'length', message }],
    });
  });
}

test('large payloads do not pile up unread', ({ mock }) => {
  const assembly = new StreamAssembly(10_000_000);
  assembly.add(JSON.stringify(delta({ content: 'a' })));
  const { mock: reads } = mock.method(JSON, 'parse');
  for (let at = 0; at < 5; at++) assembly.add(JSON.stringify(delta({ content: 'b'.repeat(70_000) })));
  assert.equal(reads.callCount(), 5);
});
