import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aModelSpec } from '../../fakes/a-registry.ts';
import { model } from '../../helpers/jobs.ts';
import { aWorker } from './worker-box.ts';

const broken = model('broken');

test('a load that fails once is tried again at once, and costs no attempt of the job that waits', async (t) => {
  const box = await aWorker(t, ['broken']);
  box.turntable.broken.add(broken);
  const job = box.add('broken', { sync: true });
  await box.until(() => box.events.of('swap.failed').length === 1);
  box.turntable.broken.clear();
  await box.until(() => box.isOver(job), 5000);
  assert.equal(box.outcome(job)?.kind, 'completed');
  assert.equal(box.events.of('claimed')[0]?.attempt, 1);
});

test('after the second failure in a row waiting calls hear why, with the log tail, and jobs stay queued', async (t) => {
  const box = await aWorker(t, ['broken']);
  box.turntable.broken.add(broken);
  const call = box.add('broken', { sync: true });
  const job = box.add('broken');
  await box.until(() => box.outcome(call) !== undefined, 60_000);
  const outcome = box.outcome(call);
  assert.ok(outcome?.kind === 'failed');
  assert.equal(outcome.error.code, 'model_load_failed');
  assert.match(outcome.error.message, /exit code 1\nCUDA out of memory/);
  assert.equal(box.loads.length, 2);
  assert.deepEqual(box.lanes.queue, [job]);
});

test('a call that comes while the model is left alone is refused at once, without another load', async (t) => {
  const box = await aWorker(t, ['broken']);
  box.turntable.broken.add(broken);
  box.add('broken');
  await box.until(() => box.loads.length === 2);
  await box.clock.advance(5000);
  const call = box.add('broken', { sync: true });
  await box.until(() => box.outcome(call) !== undefined, 100);
  assert.equal(box.loads.length, 2);
});

test('the pauses between loads that fail grow from a second over 30 s to 10 minutes', async (t) => {
  const box = await aWorker(t, ['broken']);
  box.turntable.broken.add(broken);
  box.add('broken');
  await box.until(() => box.events.of('swap.failed').length === 8, 7_200_000, 1000);
  const pauses = box.events.of('swap.failed').map(({ retryInMs }) => Number(retryInMs) / 1000);
  assert.deepEqual(pauses, [1, 30, 60, 120, 240, 480, 600, 600]);
});

test('a model in quarantine is tried again only while nobody waits for another model', async (t) => {
  const box = await aWorker(t, ['broken', 'chat']);
  box.answersTake(2000);
  box.turntable.broken.add(broken);
  const job = box.add('broken');
  await box.until(() => box.events.of('swap.failed').length === 3, 3_600_000, 1000);
  const feed = () => box.lanes.queue.length > 1 || box.add('chat');
  for (const untilMs = box.clock.now() + 1_800_000; box.clock.now() < untilMs; feed()) {
    await box.clock.advance(1000);
  }
  assert.equal(box.events.of('swap.failed').length, 3);
  box.turntable.broken.clear();
  await box.until(() => box.isOver(job), 600_000, 1000);
  assert.equal(box.outcome(job)?.kind, 'completed');
});

test('two models in quarantine do not keep each other from being tried', async (t) => {
  const box = await aWorker(t, ['broken', 'worse']);
  for (const name of ['broken', 'worse']) box.turntable.broken.add(model(name));
  const jobs = [box.add('broken'), box.add('worse')];
  await box.until(() => box.events.of('swap.failed').length >= 8, 7_200_000, 1000);
  box.turntable.broken.clear();
  await box.until(() => jobs.every((job) => box.isOver(job)), 3_600_000, 1000);
});

test('a broken model does not keep others from being served', async (t) => {
  const box = await aWorker(t, ['broken', 'chat']);
  box.turntable.broken.add(broken);
  box.add('broken', { sync: true });
  const others = [box.add('chat'), box.add('chat')];
  await box.until(() => others.every((job) => box.isOver(job)), 120_000);
});

test('an operator may have a model tried at once', async (t) => {
  const box = await aWorker(t, ['broken']);
  box.turntable.broken.add(broken);
  const job = box.add('broken');
  await box.until(() => box.events.of('swap.failed').length === 4, 3_600_000, 1000);
  box.turntable.broken.clear();
  box.control({ type: 'load', model: broken });
  await box.until(() => box.isOver(job), 5000);
});

test('the published view says until when a model is left alone', async (t) => {
  const box = await aWorker(t, ['broken']);
  box.turntable.broken.add(broken);
  box.add('broken');
  await box.until(() => box.events.of('swap.failed').length === 2);
  await box.clock.advance(3000);
  const blockedUntilMs = box.views.at(-1)?.models[0]?.blockedUntilMs ?? 0;
  assert.ok(blockedUntilMs > box.clock.now() && blockedUntilMs <= box.clock.now() + 30_000);
});

test('waiting jobs of a model that left the registry fail, its running job ends first, and it is unloaded', async (t) => {
  const box = await aWorker(t, ['chat', 'image']);
  box.answersTake(5000);
  const running = box.add('image');
  await box.until(() => box.http.calls.length === 1);
  const waiting = box.add('image');
  const models = new Map([[model('chat'), aModelSpec('chat')]]);
  box.registry = { ...box.registry, models };
  await box.until(() => box.events.of('unloaded').length === 1);
  const refused = box.outcome(waiting);
  assert.ok(refused?.kind === 'failed' && refused.error.code === 'model_removed');
  assert.equal(box.outcome(running)?.kind, 'completed');
  const next = box.add('chat');
  await box.until(() => box.isOver(next));
});

test('jobs of a model that was removed while the worker was down fail when it starts', async (t) => {
  const first = await aWorker(t, ['image']);
  await first.clock.advance(3000);
  await first.stop();
  const second = await aWorker(t, ['chat'], {}, first.saved);
  const job = second.add('image');
  await second.until(() => second.outcome(job) !== undefined, 5000);
  const outcome = second.outcome(job);
  assert.ok(outcome?.kind === 'failed' && outcome.error.code === 'model_removed');
});

test('a model that is new in the registry is served', async (t) => {
  const box = await aWorker(t, ['chat']);
  const models = new Map(['chat', 'image'].map((id) => [model(id), aModelSpec(id)]));
  box.registry = { ...box.registry, models };
  const job = box.add('image');
  await box.until(() => box.isOver(job));
});
