import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobId } from '../../../src/contracts/ids.ts';
import { aModelSpec } from '../../fakes/a-registry.ts';
import { jsonAnswer, silence } from '../../fakes/fake-model-http.ts';
import { model } from '../../helpers/jobs.ts';
import { aSecond, aWorker, type WorkerBox } from './worker-box.ts';

const bothOver = (box: WorkerBox, ids: readonly JobId[]) => () => ids.every((id) => box.isOver(id));

test('a job loads its model, runs on it, and its result is settled', async (t) => {
  const box = await aWorker(t, ['chat']);
  const job = box.add('chat');
  await box.until(() => box.isOver(job));
  assert.deepEqual(box.outcome(job), {
    kind: 'completed',
    result: { output: { ok: true }, usage: null, files: [] },
  });
  assert.deepEqual(box.loads, ['chat']);
});

test('jobs that alternate between two models are served in groups, not swap by swap', async (t) => {
  const box = await aWorker(t, ['chat', 'image']);
  box.answersTake(500);
  const jobs = Array.from({ length: 20 }, (_, at) => box.add(at % 2 ? 'image' : 'chat'));
  await box.until(bothOver(box, jobs));
  assert.equal(box.loads.length, 2, String(box.loads));
  assert.equal(box.turntable.mostAtOnce, 1);
});

test('a swap tells what it evicts, why, and how its time was spent', async (t) => {
  const box = await aWorker(t, ['chat', 'image']);
  box.answersTake(500);
  await box.until(bothOver(box, [box.add('chat')]));
  await box.until(bothOver(box, [box.add('image')]));
  const [, started] = box.events.of('swap.started');
  assert.deepEqual([started?.load, started?.evict, started?.reason], ['image', ['chat'], 'rent-paid']);
  assert.match(String(started?.why), /units/);
  const [, finished] = box.events.of('swap.finished');
  assert.deepEqual([finished?.load, finished?.evicted], ['image', ['chat']]);
  assert.deepEqual([finished?.unloadMs, finished?.loadMs], [100, 1000]);
});

test('a model that waits behind an endless stream of others is served within its bound', async (t) => {
  const box = await aWorker(t, ['chat', 'image']);
  box.answersTake(900);
  await box.until(bothOver(box, [box.add('chat')]));
  const waiting = box.add('image');
  const startedMs = box.clock.now();
  for (let at = 0; !box.isOver(waiting); at++) {
    assert.ok(at < 4000, 'the image was starved');
    box.add('chat', { class: 'interactive' });
    await box.clock.advance(500);
  }
  // maxWait of a normal job, plus a quantum, a drain and a load: the guarantee for two models.
  assert.ok(box.clock.now() - startedMs < 1_100_000, `waited ${box.clock.now() - startedMs} ms`);
});

test('short jobs without end do not keep the scheduler from being asked', async (t) => {
  const box = await aWorker(t, ['chat', 'image']);
  await box.until(bothOver(box, [box.add('chat')]));
  await box.clock.advance(1_000_000);
  // Each is over before the next look at the lanes, and another one has come.
  box.http.answer = () => {
    if (box.http.calls.length < 1000) box.add('chat', { class: 'interactive' });
    return jsonAnswer({ ok: true });
  };
  const image = box.add('image', { createdAtMs: box.clock.now() - 2_000_000 });
  box.add('chat', { class: 'interactive' });
  await box.until(() => box.isOver(image));
  assert.ok(box.http.calls.length < 1000, 'the image ran only after the stream had ended');
});

test('a draining model starts nothing and is never revived, and its running job ends in peace', async (t) => {
  const box = await aWorker(t, ['chat', 'image']);
  box.answersTake(20 * aSecond);
  const long = box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  box.control({ type: 'load', model: model('image') });
  await box.clock.advance(aSecond);
  const late = box.add('chat');
  await box.until(() => box.isOver(long));
  assert.equal(box.outcome(long)?.kind, 'completed');
  await box.until(() => box.loads.length === 2);
  assert.deepEqual(box.loads, ['chat', 'image']);
  await box.until(() => box.isOver(late));
  assert.deepEqual(box.loads, ['chat', 'image', 'chat']);
});

test('at most `concurrency` jobs run at once on a resident', async (t) => {
  const box = await aWorker(t, [aModelSpec('chat', { concurrency: 3 })]);
  box.answersTake(aSecond);
  const jobs = Array.from({ length: 10 }, () => box.add('chat'));
  await box.until(bothOver(box, jobs));
  assert.equal(box.http.mostAtOnce, 3);
});

test('within a model an interactive job overtakes a normal one, but not one that has waited long', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.answersTake(aSecond);
  const nowMs = box.clock.now();
  const old = box.add('chat', { createdAtMs: nowMs - 400_000 });
  const normal = box.add('chat');
  const interactive = box.add('chat', { class: 'interactive' });
  await box.until(bothOver(box, [old, normal, interactive]));
  const claimed = box.events.of('claimed').map(({ jobId }) => jobId);
  assert.deepEqual(claimed, [old, interactive, normal]);
});

test('two loads never run at once, whatever is asked for', async (t) => {
  const box = await aWorker(t, ['a', 'b', 'c']);
  for (const name of ['a', 'b', 'c']) box.control({ type: 'load', model: model(name) });
  const jobs = ['c', 'b', 'a'].map((name) => box.add(name));
  await box.until(bothOver(box, jobs));
  assert.equal(box.turntable.mostAtOnce, 1);
});

test('models that fit beside each other stay beside each other', async (t) => {
  const specs = ['a', 'b', 'c'].map((id) => aModelSpec(id, { vramMb: 40 }));
  const box = await aWorker(t, specs, { vramMb: 100 });
  await box.until(bothOver(box, [box.add('a'), box.add('b')]));
  assert.equal(box.turntable.mostAtOnce, 2);
  await box.until(bothOver(box, [box.add('c')]));
  assert.equal(box.turntable.mostAtOnce, 2);
  assert.equal(box.loads.length, 3);
});

test('a paused model is neither loaded nor served, and goes on when it is resumed', async (t) => {
  const box = await aWorker(t, ['chat', 'image']);
  box.lanes.paused.add(model('image'));
  box.control({ type: 'pause', model: model('image') });
  const paused = box.add('image');
  const other = box.add('chat');
  await box.until(() => box.isOver(other));
  await box.clock.advance(3_600_000);
  assert.deepEqual(box.loads, ['chat']);
  box.lanes.paused.delete(model('image'));
  box.control({ type: 'resume', model: model('image') });
  await box.until(() => box.isOver(paused));
});

test('a paused model that is resident starts nothing new', async (t) => {
  const box = await aWorker(t, ['chat']);
  await box.until(bothOver(box, [box.add('chat')]));
  box.lanes.paused.add(model('chat'));
  box.add('chat');
  await box.clock.advance(60_000);
  assert.equal(box.http.calls.length, 1);
});

test("an operator's unload waits for the running job", async (t) => {
  const box = await aWorker(t, ['chat']);
  box.answersTake(5 * aSecond);
  const job = box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  box.control({ type: 'unload', model: model('chat') });
  await box.until(() => box.events.of('unloaded').length === 1);
  assert.equal(box.outcome(job)?.kind, 'completed');
});

test("an operator's load leaves a pinned model in its place", async (t) => {
  const box = await aWorker(t, [aModelSpec('chat', { pinned: true }), 'image']);
  await box.until(bothOver(box, [box.add('chat')]));
  box.control({ type: 'load', model: model('image') });
  await box.clock.advance(60_000);
  assert.deepEqual(box.loads, ['chat']);
  assert.equal(box.turntable.mostAtOnce, 1);
});

test('a drain that takes for ever ends with the end of the server', async (t) => {
  const endless = { executionTimeoutMs: 86_400_000 };
  const patient = { ...aModelSpec('chat').deadlines, firstTokenMs: 86_400_000 };
  const box = await aWorker(t, [aModelSpec('chat', { ...endless, deadlines: patient }), 'image']);
  box.http.answer = (call) => (call.model === 'chat' ? silence(call) : jsonAnswer({ ok: true }));
  const stuck = box.add('chat', endless);
  await box.until(() => box.http.calls.length === 1);
  box.control({ type: 'load', model: model('image') });
  await box.until(() => box.loads.length >= 2, 700_000, 1000);
  const [killed] = box.events.of('killed');
  assert.match(String(killed?.reason), /drain took longer than 600 s/);
  assert.equal(box.outcome(stuck)?.kind, 'retry');
});

test('while Redis is away nothing breaks, and work goes on when it is back', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.lanes.isAway = true;
  await box.clock.advance(20_000);
  box.lanes.isAway = false;
  const job = box.add('chat');
  await box.until(() => box.isOver(job));
});

test('a resident that crashes is loaded again for the next job, and its running job is tried once more', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = (call) => (call.headers['x-attempt'] === '1' ? silence(call) : jsonAnswer({ ok: true }));
  const job = box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  box.turntable.crash(model('chat'));
  await box.until(() => box.isOver(job));
  assert.equal(box.outcome(job)?.kind, 'completed');
  assert.deepEqual(box.loads, ['chat', 'chat']);
});

test('nothing waits: after a while the model most likely wanted next is loaded', async (t) => {
  const saved = {
    version: 1,
    models: {
      image: {
        ...{ loadMs: 60_000, unloadMs: 1000, serviceMs: 5000 },
        rates: { lam: [0, 0, 0], lamSlow: [0, 1e-5, 0], accepted: [0, 5, 0], atMs: Date.UTC(2026, 0, 1) },
      },
    },
  };
  const box = await aWorker(t, ['chat', 'image'], {}, saved);
  const { registry } = box;
  box.registry = { ...registry, scheduler: { ...registry.scheduler, spec: true } };
  await box.until(() => box.loads.length === 1);
  assert.deepEqual(box.loads, ['image']);
  assert.equal(box.events.of('swap.started')[0]?.reason, 'speculative');
});
