import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aModelSpec } from '../../fakes/a-registry.ts';
import { model } from '../../helpers/jobs.ts';
import { aSecond, aWorker } from './worker-box.ts';

test('before a swap a busy model without a queue goes on admitting for a short while, then its gate closes', async (t) => {
  const box = await aWorker(t, [aModelSpec('chat', { concurrency: 3 }), 'image']);
  box.answersTake(40 * aSecond);
  box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  const image = box.add('image');
  await box.clock.advance(2 * aSecond);
  const early = box.add('chat');
  await box.until(() => box.http.calls.length === 2, aSecond);
  assert.equal(box.events.of('swap.started').length, 1, 'the swap has begun too early');
  // Four times the 2 s that a job is believed to take.
  await box.until(() => box.events.of('swap.started').length === 2, 10 * aSecond);
  const late = box.add('chat');
  await box.until(() => box.isOver(image), 200 * aSecond);
  const claimed = box.events.of('claimed').map(({ jobId }) => jobId);
  assert.ok(claimed.includes(early));
  await box.until(() => box.isOver(late), 600 * aSecond);
  assert.deepEqual(box.loads, ['chat', 'image', 'chat']);
});

test('a gap in its work ends the wait at once', async (t) => {
  const box = await aWorker(t, ['chat', 'image']);
  box.answersTake(4 * aSecond);
  const chat = box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  const image = box.add('image');
  await box.until(() => box.isOver(chat));
  await box.until(() => box.events.of('swap.started').length === 2, 500);
  await box.until(() => box.isOver(image));
});

test('a soft drain that is called off leaves no trace', async (t) => {
  const box = await aWorker(t, [aModelSpec('chat', { concurrency: 2 }), 'image']);
  box.answersTake(5 * aSecond);
  box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  box.add('image');
  await box.clock.advance(aSecond);
  box.lanes.paused.add(model('image'));
  box.lanes.wake();
  await box.clock.advance(60 * aSecond);
  assert.deepEqual(box.loads, ['chat']);
  const next = box.add('chat');
  await box.until(() => box.isOver(next));
});
