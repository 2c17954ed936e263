import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InboxId } from '../../../src/contracts/ids.ts';
import { aModelSpec } from '../../fakes/a-registry.ts';
import { silence } from '../../fakes/fake-model-http.ts';
import { model } from '../../helpers/jobs.ts';
import { aWorker, WorkerBox } from './worker-box.ts';

test('what was learned of loads and jobs is there after a restart', async (t) => {
  const first = await aWorker(t, ['chat']);
  first.turntable.loadMs = 120_000;
  first.answersTake(30_000);
  const job = first.add('chat');
  await first.until(() => first.isOver(job), 600_000, 1000);
  await first.stop();
  const second = await aWorker(t, ['chat'], {}, first.saved);
  // 20 s and 2 s by the registry; 0.3 and 0.1 of the way to 120 s and 30 s.
  assert.deepEqual(second.views.at(-1)?.estimates, { chat: { loadMs: 50_000, serviceMs: 4800 } });
});

test('estimates are also saved while it runs: a kill -9 costs ten seconds of learning', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.turntable.loadMs = 120_000;
  box.control({ type: 'load', model: model('chat') });
  await box.until(() => box.events.of('loaded').length === 1, 200_000);
  await box.clock.advance(10_000);
  assert.match(JSON.stringify(box.saved), /"loadMs":50000/);
});

test('it publishes itself every two seconds and at every change of a server', async (t) => {
  const box = await aWorker(t, ['chat']);
  const before = box.views.length;
  await box.clock.advance(10_000);
  assert.equal(box.views.length, before + 5);
  box.add('chat');
  await box.until(() => box.views.some(({ models }) => models[0]?.state === 'loading'), 500, 10);
  await box.until(() => box.views.at(-1)?.models[0]?.state === 'ready');
});

test('the view shows what runs, and a resident that drains', async (t) => {
  const box = await aWorker(t, [aModelSpec('chat', { concurrency: 2 }), 'image']);
  box.answersTake(60_000);
  box.add('chat');
  box.add('chat');
  await box.until(() => box.http.calls.length === 2);
  await box.clock.advance(2000);
  assert.equal(box.views.at(-1)?.models[0]?.inFlight, 2);
  box.control({ type: 'load', model: model('image') });
  await box.clock.advance(2000);
  assert.equal(box.views.at(-1)?.models[0]?.state, 'draining');
});

test('a stop lets running jobs end, starts no waiting one, and leaves no server', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.answersTake(5000);
  const running = box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  const waiting = box.add('chat');
  let isStopped = false;
  void box.worker.stop(new AbortController().signal).then(() => {
    isStopped = true;
  });
  await box.until(() => isStopped);
  assert.equal(box.outcome(running)?.kind, 'completed');
  assert.deepEqual(box.lanes.queue, [waiting]);
  assert.equal(box.events.of('unloaded').length, 1);
});

test('at the deadline of a stop, running jobs go back to their lane without using up an attempt', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = silence;
  const job = box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  await box.stop();
  assert.deepEqual(box.outcome(job), { kind: 'snooze' });
  assert.deepEqual(box.lanes.queue, [job]);
});

test('a stop calls off a load under way, and does not count it against the model', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.turntable.loadMs = 600_000;
  box.add('chat', { sync: true });
  await box.until(() => box.loads.length === 1);
  const startedMs = box.clock.now();
  await box.stop();
  assert.ok(box.clock.now() - startedMs < 10_000);
  assert.equal(box.events.of('swap.failed').length, 0);
});

test('a stop in the middle of a swap does not load the next model', async (t) => {
  const box = await aWorker(t, ['chat', 'image']);
  box.answersTake(5000);
  box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  box.control({ type: 'load', model: model('image') });
  await box.clock.advance(1000);
  await box.stop();
  assert.deepEqual(box.loads, ['chat']);
});

test('a running call whose API process has died is cancelled; a job goes on', async (t) => {
  const box = await aWorker(t, [aModelSpec('chat', { concurrency: 2 })]);
  box.answersTake(50_000);
  const inboxId = 'inbox-1' as InboxId;
  const call = box.add('chat', { sync: true, inboxId });
  const job = box.add('chat', { inboxId });
  await box.until(() => box.http.calls.length === 2);
  box.deadInboxes.add(inboxId);
  await box.until(() => box.isOver(call), 10_000);
  assert.deepEqual(box.outcome(call), { kind: 'cancelled' });
  assert.equal(box.events.of('job.client-left')[0]?.jobId, call);
  await box.until(() => box.isOver(job));
  assert.equal(box.outcome(job)?.kind, 'completed');
});

test('it may be stopped without having been started', async () => {
  await new WorkerBox([aModelSpec('chat')]).worker.stop(AbortSignal.abort());
});
