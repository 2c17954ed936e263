import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { JoinedSignal } from '../../../src/worker/joined-signal.ts';

function joined(passing: AbortSignal[], lasting: AbortSignal[] = []): JoinedSignal {
  const one = new JoinedSignal();
  one.join(passing, lasting);
  return one;
}

test('joined signals abort with the reason of the first that aborts, whichever lasts', () => {
  for (const aborting of [0, 1, 2, 3]) {
    const ends = [0, 1, 2, 3].map(() => new AbortController());
    const [first, second, third, fourth] = ends.map(({ signal }) => signal) as [
      AbortSignal,
      ...AbortSignal[],
    ];
    const { signal } = joined([first, second as AbortSignal], [third as AbortSignal, fourth as AbortSignal]);
    assert.equal(signal.aborted, false);
    ends[aborting]?.abort(new Error(`the one at ${aborting}`));
    for (const each of ends) each.abort(new Error('late'));
    assert.equal(signal.reason.message, `the one at ${aborting}`);
  }
});

test('a signal that aborted before counts at once', () => {
  const over = AbortSignal.abort(new Error('long ago'));
  assert.equal(joined([over]).signal.reason.message, 'long ago');
  assert.equal(joined([], [over]).signal.reason.message, 'long ago');
});

test('one that was aborted before it was joined keeps its reason', () => {
  const one = new JoinedSignal();
  one.abort(new Error('its own'));
  one.join([AbortSignal.abort(new Error('another'))], []);
  assert.equal(one.signal.reason.message, 'its own');
});

test('a release aborts it, and no other that follows the same signal', () => {
  const lasting = new AbortController();
  const [one, other] = [joined([], [lasting.signal]), joined([], [lasting.signal])];
  one.release();
  assert.deepEqual([one.signal.aborted, other.signal.aborted], [true, false]);
  lasting.abort(new Error('the end'));
  assert.equal(other.signal.reason.message, 'the end');
});

test('however many follow a signal that lasts, it has one listener', () => {
  const lasting = new AbortController();
  for (let at = 0; at < 100; at++) joined([new AbortController().signal], [lasting.signal]).release();
  const ended = new AbortController();
  joined([ended.signal], [lasting.signal]);
  ended.abort();
  assert.equal(getEventListeners(lasting.signal, 'abort').length, 1);
});
