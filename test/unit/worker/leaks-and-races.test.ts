import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import type { JobId } from '../../../src/contracts/ids.ts';
import { aModelSpec } from '../../fakes/a-registry.ts';
import { answered, eventsAnswer, jsonAnswer, orAborted, silence } from '../../fakes/fake-model-http.ts';
import { model } from '../../helpers/jobs.ts';
import { aWorker, type WorkerBox } from './worker-box.ts';

const chat = model('chat');
const cancel = (box: WorkerBox, job: JobId) => box.lanes.claims.get(job)?.abort.abort(errors.cancelled(job));

/** Holds the next claim until it is let through. */
function heldClaim(box: WorkerBox) {
  const asked = Promise.withResolvers<void>();
  const through = Promise.withResolvers<void>();
  const claim = box.lanes.claim.bind(box.lanes);
  box.lanes.claim = async (...args) => {
    asked.resolve();
    await through.promise;
    return claim(...args);
  };
  return { asked: asked.promise, letThrough: () => through.resolve() };
}

test('a job that is claimed while the worker stops goes back without using up an attempt', async (t) => {
  const box = await aWorker(t, [aModelSpec('chat', { concurrency: 2 })]);
  box.answersTake(20_000);
  const running = box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  const held = heldClaim(box);
  const job = box.add('chat');
  await held.asked;
  let isStopped = false;
  void box.worker.stop(new AbortController().signal).then(() => {
    isStopped = true;
  });
  held.letThrough();
  await box.until(() => isStopped);
  assert.equal(box.outcome(running)?.kind, 'completed');
  assert.deepEqual(box.outcome(job), { kind: 'snooze' });
  assert.equal(box.http.calls.length, 1);
});

test('a job that is claimed while its server dies goes back, and runs on the next server', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.control({ type: 'load', model: chat });
  await box.until(() => box.events.of('loaded').length === 1);
  const held = heldClaim(box);
  const job = box.add('chat');
  await held.asked;
  box.turntable.crash(chat);
  held.letThrough();
  await box.until(() => box.isOver(job));
  assert.equal(box.outcome(job)?.kind, 'completed');
  assert.deepEqual(
    box.events.of('claimed').map(({ attempt }) => attempt),
    [1, 1],
  );
});

test('the deadline of a stop holds also while a server is to let go of a job', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = silence;
  const job = box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  box.http.inFlight = 1;
  cancel(box, job);
  await box.clock.advance(1000);
  const startedMs = box.clock.now();
  await box.stop();
  assert.ok(box.clock.now() - startedMs < 1000, `it took ${box.clock.now() - startedMs} ms`);
});

test('two cancelled jobs free their slots only when the server has let go of both', async (t) => {
  const box = await aWorker(t, [aModelSpec('chat', { concurrency: 2 })]);
  box.http.answer = silence;
  const jobs = [box.add('chat'), box.add('chat')];
  await box.until(() => box.http.calls.length === 2);
  box.http.inFlight = 2;
  for (const job of jobs) cancel(box, job);
  const next = box.add('chat');
  await box.clock.advance(500);
  box.http.inFlight = 1;
  await box.clock.advance(3000);
  assert.deepEqual(box.lanes.queue, [next]);
  box.http.inFlight = 0;
  await box.until(() => box.lanes.queue.length === 0);
});

test('a job beside a cancelled one does not count as one that is held on to', async (t) => {
  const box = await aWorker(t, [aModelSpec('chat', { concurrency: 2 })]);
  box.http.answer = silence;
  const [first, beside] = [box.add('chat'), box.add('chat')];
  await box.until(() => box.http.calls.length === 2);
  const next = box.add('chat');
  cancel(box, first);
  await box.until(() => !box.lanes.queue.includes(next), 3000);
  assert.equal(box.outcome(beside), undefined);
});

test('an engine whose health says nothing of its requests is not ended after a cancellation', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.foreignHealth = '';
  box.http.answer = silence;
  const job = box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  cancel(box, job);
  await box.clock.advance(20_000);
  assert.equal(box.events.of('killed').length, 0);
  const next = box.add('chat');
  await box.until(() => !box.lanes.queue.includes(next), 3000);
});

test('when a large answer cannot be written, the rest of it is not left unread', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.isDiskFull = true;
  let isClosed = false;
  box.http.answer = () =>
    answered(
      200,
      'application/json',
      (async function* () {
        try {
          for (;;) yield Buffer.alloc(100_000, 'x');
        } finally {
          isClosed = true;
        }
      })(),
    );
  const job = box.add('chat');
  await box.until(() => box.isOver(job));
  assert.equal(isClosed, true);
  assert.equal(box.http.calls[0]?.signal.aborted, true);
});

test('no connection outlives its attempt', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = ({ signal }) =>
    eventsAnswer(
      (async function* () {
        yield Buffer.from('data: {"choices":[]}\n\ndata: [DONE]\n\n');
        await orAborted(new Promise(() => {}), signal);
      })(),
    );
  const job = box.add('chat', { stream: true });
  await box.until(() => box.isOver(job));
  assert.equal(box.outcome(job)?.kind, 'completed');
  assert.equal(box.http.calls[0]?.signal.aborted, true);
});

test('a server that dies while it is reported ready is a failed load, with its pauses', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.turntable.shortLived.add(chat);
  box.add('chat');
  await box.until(() => box.events.of('swap.failed').length === 3, 200_000);
  const pauses = box.events.of('swap.failed').map(({ retryInMs }) => retryInMs);
  assert.deepEqual(pauses, [1000, 30_000, 60_000]);
  assert.equal(box.events.of('claimed').length, 0);
});

test('an unload that goes wrong does not leave the turntable closed', async (t) => {
  const box = await aWorker(t, ['chat', 'image']);
  box.control({ type: 'load', model: chat });
  await box.until(() => box.events.of('loaded').length === 1);
  const unload = box.turntable.unload.bind(box.turntable);
  box.turntable.unload = async (...args) => {
    await unload(...args);
    box.turntable.unload = unload;
    throw new Error('the memory could not be measured');
  };
  const job = box.add('image');
  await box.until(() => box.isOver(job), 120_000);
  assert.equal(box.events.of('system.fault').length, 1);
});

test('a job that is cancelled before it is sent is never sent', async (t) => {
  const box = await aWorker(t, ['chat']);
  const claim = box.lanes.claim.bind(box.lanes);
  box.lanes.claim = async (...args) => {
    const claimed = await claim(...args);
    if (claimed !== null) cancel(box, claimed.record.id);
    return claimed;
  };
  const job = box.add('chat');
  await box.until(() => box.isOver(job));
  assert.deepEqual(box.outcome(job), { kind: 'cancelled' });
  assert.equal(box.http.calls.length, 0);
});

test('counts that promise a job which is not there do not make the loop spin', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.control({ type: 'load', model: chat });
  await box.until(() => box.events.of('loaded').length === 1);
  let claims = 0;
  box.lanes.claim = async () => {
    claims += 1;
    return null;
  };
  box.add('chat');
  await box.clock.advance(10_000);
  assert.ok(claims >= 5 && claims <= 15, `${claims} claims in 10 s`);
});

test('a connection that broke because its server died tells how that ended', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = () => {
    void box.clock.sleep(50).then(() => box.turntable.crash(chat));
    throw new Error('other side closed');
  };
  const job = box.add('chat');
  await box.until(() => box.isOver(job));
  const outcome = box.outcome(job);
  assert.ok(outcome?.kind === 'retry');
  assert.match(outcome.error.message, /it is gone/);
});

test('after a stop no timer is left', async (t) => {
  const box = await aWorker(t, ['chat', 'image']);
  box.http.answer = (call) => (call.model === 'chat' ? silence(call) : jsonAnswer({}));
  box.add('chat', { stream: true });
  box.add('image');
  await box.until(() => box.http.calls.length > 0);
  await box.stop();
  assert.equal(box.clock.pending, 0);
});

test('many jobs on one server leave no listener on its signal', async (t) => {
  const box = await aWorker(t, ['chat']);
  const jobs = Array.from({ length: 100 }, () => box.add('chat', { stream: true }));
  await box.until(() => jobs.every((job) => box.isOver(job)));
  const lease = box.turntable.lease(chat);
  assert.ok(lease !== null);
  // One for all of them, for as long as the server lives.
  assert.equal(getEventListeners(lease.gone, 'abort').length, 1);
});
