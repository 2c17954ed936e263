import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { JobId } from '../../../src/contracts/ids.ts';
import { aModelSpec } from '../../fakes/a-registry.ts';
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

const claimed = (box: Awaited<ReturnType<typeof atRest>>) =>
  box.events.of('claimed').map(({ jobId }) => jobId);

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
  assert.deepEqual(claimed(box), jobs.slice(0, 2));
  await box.clock.advance(600);
  assert.deepEqual(claimed(box), jobs);
});

test('one that came earlier is not overtaken by one of its class', async (t) => {
  const box = await atRest(t);
  box.answersTake(aSecond);
  const jobs = Array.from({ length: 4 }, () => box.add('chat'));
  await box.until(() => jobs.every((job) => box.isOver(job)));
  assert.deepEqual(claimed(box), jobs);
});

test('nothing starts on a paused model, nor on one that drains', async (t) => {
  const box = await atRest(t, 2);
  box.lanes.paused.add(chat);
  box.control({ type: 'pause', model: chat });
  await box.clock.advance(10);
  box.add('chat');
  await box.clock.advance(10 * aSecond);
  assert.deepEqual(claimed(box), []);
  box.lanes.paused.delete(chat);
  box.answersTake(30 * aSecond);
  box.control({ type: 'resume', model: chat });
  await box.until(() => claimed(box).length === 1);
  box.control({ type: 'load', model: model('image') });
  await box.clock.advance(10);
  box.add('chat');
  await box.clock.advance(10 * aSecond);
  assert.equal(claimed(box).length, 1);
});

test('a job of a model that is not there is scheduled as ever', async (t) => {
  const box = await atRest(t);
  const job = box.add('image');
  await box.until(() => box.isOver(job));
  assert.deepEqual(box.loads, ['chat', 'image']);
});

test('a claim that goes wrong is told, and does not end the loop', async (t) => {
  const box = await atRest(t);
  const claim = box.lanes.claim.bind(box.lanes);
  box.lanes.claim = async () => {
    box.lanes.claim = claim;
    throw new Error('a claim went wrong');
  };
  const job = box.add('chat');
  await box.until(() => box.isOver(job), 5000);
  assert.equal(box.events.of('system.fault').length, 1);
});

test('a job may be claimed before its acceptance is known, and is claimed once', async (t) => {
  const box = await atRest(t, 2);
  let claims = 0;
  const claim = box.lanes.claim.bind(box.lanes);
  box.lanes.claim = (...which) => {
    claims += 1;
    return claim(...which);
  };
  box.lanes.onAccepted = (job) => {
    box.worker.jobComing(job.id, job.model, job.class);
    box.worker.jobCame(job.model, job.class, job.id);
  };
  const { looks } = box.lanes;
  const job = box.add('chat');
  await box.clock.advance(0);
  assert.equal(box.isOver(job), true);
  assert.deepEqual([claims, box.lanes.looks], [1, looks]);
});

test('a claim that is earlier than its job loses nothing: the job starts when it is there', async (t) => {
  const box = await atRest(t);
  let coming: JobId | null = null;
  box.lanes.onAccepted = (job) => box.worker.jobCame(job.model, job.class, coming ?? job.id);
  coming = aJob().id;
  box.worker.jobComing(coming, chat, 'normal');
  await box.clock.advance(0);
  const { looks } = box.lanes;
  assert.ok(looks > 1);
  const job = box.add('chat');
  await box.clock.advance(0);
  assert.equal(box.isOver(job), true);
});
