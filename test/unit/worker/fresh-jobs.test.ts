import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import { aModelSpec } from '../../fakes/a-registry.ts';
import { silence } from '../../fakes/fake-model-http.ts';
import { aJob, model } from '../../helpers/jobs.ts';
import { aSecond, aWorker } from './worker-box.ts';

const chat = model('chat');

/** A worker with its API in the same process; `chat` is there, and nothing waits. */
async function atRest(t: TestContext, concurrency = 1) {
  const box = await aWorker(t, [aModelSpec('chat', { concurrency }), 'image']);
  box.acceptHere();
  box.control({ type: 'load', model: chat });
  await box.until(() => box.events.of('swap.finished').length === 1);
  await box.clock.advance(100);
  return box;
}

/** In the order in which they started, at once or from their lanes. */
const startedOn = (box: Awaited<ReturnType<typeof atRest>>) =>
  box.events.all
    .filter(({ type }) => type === 'claimed' || type === 'started-at-once')
    .map((each) => each.jobId);

test('a job that comes while nothing waits starts without a look at the lanes', async (t) => {
  const box = await atRest(t);
  const { looks } = box.lanes;
  const job = box.add('chat');
  await box.clock.advance(0);
  assert.equal(box.isOver(job), true);
  assert.equal(box.lanes.looks, looks);
});

test('jobs that come one after the other never keep the scheduler from being asked', async (t) => {
  const box = await atRest(t);
  const { looks } = box.lanes;
  for (let at = 0; at < 100; at++) {
    box.add('chat');
    await box.clock.advance(100);
  }
  assert.ok(box.lanes.looks - looks >= 5, `${box.lanes.looks - looks} looks in 10 s`);
});

test('a job without a free slot waits, and starts as soon as one is free', async (t) => {
  const box = await atRest(t, 2);
  box.answersTake(aSecond);
  const jobs = [box.add('chat'), box.add('chat'), box.add('chat')];
  await box.clock.advance(500);
  assert.deepEqual(startedOn(box), jobs.slice(0, 2));
  await box.clock.advance(600);
  assert.deepEqual(startedOn(box), jobs);
});

test('one that came earlier is not overtaken by one of its class', async (t) => {
  const box = await atRest(t);
  box.answersTake(aSecond);
  const jobs = Array.from({ length: 4 }, () => box.add('chat'));
  await box.until(() => jobs.every((job) => box.isOver(job)));
  assert.deepEqual(startedOn(box), jobs);
});

test('nothing starts on a paused model, nor on one that drains', async (t) => {
  const box = await atRest(t, 2);
  box.lanes.paused.add(chat);
  box.control({ type: 'pause', model: chat });
  await box.clock.advance(10);
  box.add('chat');
  await box.clock.advance(10 * aSecond);
  assert.deepEqual(startedOn(box), []);
  box.lanes.paused.delete(chat);
  box.answersTake(30 * aSecond);
  box.control({ type: 'resume', model: chat });
  await box.until(() => startedOn(box).length === 1);
  box.control({ type: 'load', model: model('image') });
  await box.clock.advance(10);
  box.add('chat');
  await box.clock.advance(10 * aSecond);
  assert.equal(startedOn(box).length, 1);
});

test('a job of a model that is not there is scheduled as ever', async (t) => {
  const box = await atRest(t);
  const job = box.add('image');
  await box.until(() => box.isOver(job));
  assert.deepEqual(box.loads, ['chat', 'image']);
});

test('a claim that goes wrong is told, and does not end the loop', async (t) => {
  const box = await atRest(t);
  box.answersTake(aSecond);
  const claim = box.lanes.claim.bind(box.lanes);
  box.lanes.claim = async () => {
    box.lanes.claim = claim;
    throw new Error('a claim went wrong');
  };
  const jobs = [box.add('chat'), box.add('chat')];
  await box.until(() => jobs.every((job) => box.isOver(job)), 5000);
  assert.equal(box.events.of('system.fault').length, 1);
});

test('a slot that is held for a job on its way counts as taken, until the job is declined', async (t) => {
  const box = await atRest(t);
  const offer = box.worker.offerStart(aJob({ model: chat }));
  assert.notEqual(offer, null);
  assert.equal(box.worker.offerStart(aJob({ model: chat })), null);
  offer?.declined();
  assert.equal(box.lanes.openTickets, 0);
  await box.clock.advance(50);
  assert.notEqual(box.worker.offerStart(aJob({ model: chat })), null);
});

test('the server gets a job while it is being accepted, once, and its answer counts when it is', async (t) => {
  const box = await atRest(t);
  const before = box.http.calls.length;
  const job = aJob({ model: chat });
  const offer = box.worker.offerStart(job);
  offer?.begin();
  await box.clock.advance(10);
  const [call] = box.http.calls.slice(before);
  assert.deepEqual([call?.headers['x-job-id'], call?.headers['x-attempt']], [job.id, '1']);
  assert.equal(box.outcome(job.id), undefined);
  offer?.started(job, box.clock.now());
  await box.until(() => box.isOver(job.id));
  assert.equal(box.outcome(job.id)?.kind, 'completed');
  assert.equal(box.http.calls.length, before + 1);
});

test('what comes too late to begin with a job is not sent twice, nor for a job that was declined', async (t) => {
  const box = await atRest(t, 2);
  const before = box.http.calls.length;
  const [taken, refused] = [aJob({ model: chat }), aJob({ model: chat })];
  const offers = [taken, refused].map((job) => box.worker.offerStart(job));
  offers[0]?.started(taken, box.clock.now());
  offers[1]?.declined();
  await box.until(() => box.isOver(taken.id));
  for (const offer of offers) offer?.begin();
  await box.clock.advance(10);
  assert.deepEqual(
    box.http.calls.slice(before).map(({ headers }) => headers['x-job-id']),
    [taken.id],
  );
});

/** A job was declined that its server had begun with and does not let go of. */
async function withDeclinedAtWork(t: TestContext) {
  const box = await atRest(t);
  box.http.answer = silence;
  const offer = box.worker.offerStart(aJob({ model: chat }));
  offer?.begin();
  box.http.inFlight = 1;
  offer?.declined();
  return box;
}

test('a job that is declined is taken from its server, and its slot is free when the server has let go', async (t) => {
  const box = await withDeclinedAtWork(t);
  await box.clock.advance(10);
  assert.equal(box.http.calls.at(-1)?.signal.aborted, true);
  assert.equal(box.worker.offerStart(aJob({ model: chat })), null);
  box.http.inFlight = 0;
  await box.clock.advance(aSecond);
  assert.notEqual(box.worker.offerStart(aJob({ model: chat })), null);
});

test('a server that cannot drop a job that was declined is left to finish it, its slot taken until then', async (t) => {
  const box = await withDeclinedAtWork(t);
  await box.clock.advance(60 * aSecond);
  assert.deepEqual(box.events.of('killed'), []);
  assert.equal(box.worker.offerStart(aJob({ model: chat })), null);
  box.http.inFlight = 0;
  await box.clock.advance(aSecond);
  assert.notEqual(box.worker.offerStart(aJob({ model: chat })), null);
});

test('a job on its way counts as work of its server when another one is broken off', async (t) => {
  const box = await atRest(t, 2);
  box.http.answer = silence;
  const first = box.add('chat');
  await box.clock.advance(10);
  const offer = box.worker.offerStart(aJob({ model: chat }));
  offer?.begin();
  box.lanes.claims.get(first)?.abort.abort(errors.cancelled(first));
  await box.clock.advance(aSecond);
  assert.equal(box.outcome(first)?.kind, 'cancelled');
  assert.notEqual(box.worker.offerStart(aJob({ model: chat })), null);
  assert.deepEqual(box.events.of('killed'), []);
  offer?.declined();
});

test('a job whose server dies while it is being accepted starts anew, and loses no attempt', async (t) => {
  const box = await atRest(t);
  box.http.answer = silence;
  const job = aJob({ model: chat, createdAtMs: box.clock.now() });
  const offer = box.worker.offerStart(job);
  offer?.begin();
  box.turntable.crash(chat);
  box.answersTake(aSecond);
  offer?.started(job, box.clock.now());
  await box.until(() => box.isOver(job.id));
  assert.deepEqual(
    box.events
      .of('settled')
      .map(({ kind }) => kind)
      .slice(-2),
    ['snooze', 'completed'],
  );
});

test('files that come with a job are not sent before the job is stored', async (t) => {
  const box = await atRest(t);
  const before = box.http.calls.length;
  const uploads = { url: null, files: [] };
  const offer = box.worker.offerStart(aJob({ model: chat, uploads }));
  offer?.begin();
  await box.clock.advance(10);
  assert.equal(box.http.calls.length, before);
  offer?.declined();
});

test('a model is not evicted while a slot of it is held', async (t) => {
  const box = await atRest(t);
  const offer = box.worker.offerStart(aJob({ model: chat }));
  box.control({ type: 'load', model: model('image') });
  await box.clock.advance(10 * aSecond);
  assert.deepEqual(box.loads, ['chat']);
  offer?.declined();
  await box.until(() => box.loads.length === 2);
});

test('a job that was promised a slot is put back when the worker stops meanwhile', async (t) => {
  const box = await atRest(t);
  const offer = box.worker.offerStart(aJob({ model: chat }));
  const stopping = box.stop();
  const job = aJob({ model: chat });
  offer?.started(job, box.clock.now());
  await stopping;
  assert.equal(box.outcome(job.id)?.kind, 'snooze');
});
