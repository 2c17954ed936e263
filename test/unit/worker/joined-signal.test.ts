import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { joinSignals } from '../../../src/worker/joined-signal.ts';

test('joined signals abort with the reason of the first that aborts', () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const { signal } = joinSignals([first.signal, second.signal]);
  assert.equal(signal.aborted, false);
  second.abort(new Error('the second'));
  first.abort(new Error('the first'));
  assert.equal(signal.reason.message, 'the second');
});

test('a signal that aborted before counts at once', () => {
  const { signal } = joinSignals([new AbortController().signal, AbortSignal.abort(new Error('long ago'))]);
  assert.equal(signal.reason.message, 'long ago');
});

test('nothing stays behind at a signal that goes on: not after a release, not after another has aborted', () => {
  const lasting = new AbortController();
  const joined = joinSignals([lasting.signal, new AbortController().signal]);
  joined.release();
  assert.equal(joined.signal.aborted, true);
  const ended = new AbortController();
  joinSignals([lasting.signal, ended.signal]);
  ended.abort();
  assert.equal(getEventListeners(lasting.signal, 'abort').length, 0);
});
