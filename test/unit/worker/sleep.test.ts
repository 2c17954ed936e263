import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { aModelSpec } from '../../fakes/a-registry.ts';
import { model } from '../../helpers/jobs.ts';
import { aSecond, aWorker } from './worker-box.ts';

const [chat, image] = [model('chat'), model('image')];

/** Two models that do not fit together; `chat` sleeps when it is evicted. */
async function aHouse(t: TestContext) {
  const specs = ['chat', 'image'].map((id) => aModelSpec(id, { startupTimeMs: 60 * aSecond }));
  const box = await aWorker(t, specs);
  box.turntable.sleepers.add(chat);
  Object.assign(box.turntable, { loadMs: 40 * aSecond, unloadMs: 3 * aSecond, sleepMs: 100, wakeMs: 500 });
  return box;
}

const run = async (box: Awaited<ReturnType<typeof aHouse>>, name: string) => {
  const job = box.add(name);
  await box.until(() => box.isOver(job), 3_600_000, 500);
};

test('a model that makes room sleeps, and is woken for its next job', async (t) => {
  const box = await aHouse(t);
  for (const name of ['chat', 'image', 'chat']) await run(box, name);
  const moves = box.events.all.filter(({ type }) =>
    ['load', 'sleep', 'wake', 'unload'].includes(String(type)),
  );
  assert.deepEqual(
    moves.map(({ type, model: of }) => [type, of]),
    [
      ['load', chat],
      ['sleep', chat],
      ['load', image],
      ['unload', image],
      ['wake', chat],
    ],
  );
});

test('cold starts and wakes are learned apart', async (t) => {
  const box = await aHouse(t);
  for (let at = 0; at < 12; at++) for (const name of ['chat', 'image']) await run(box, name);
  await box.stop();
  const learned = (box.saved as { models: Record<string, Record<string, number | null>> }).models;
  assert.ok(Math.abs(Number(learned.chat?.wakeMs) - 500) < 300, `a wake takes ${learned.chat?.wakeMs} ms`);
  assert.ok(Number(learned.chat?.loadMs) > 40 * aSecond);
  assert.equal(learned.image?.wakeMs, null);
  assert.ok(Number(learned.image?.loadMs) < 45 * aSecond);
});

test('an operator can end a model that sleeps', async (t) => {
  const box = await aHouse(t);
  for (const name of ['chat', 'image']) await run(box, name);
  assert.equal(box.turntable.states().get(chat)?.state, 'asleep');
  box.control({ type: 'unload', model: chat });
  await box.until(() => box.turntable.states().get(chat)?.state === 'stopped', 60 * aSecond, 500);
  assert.equal(box.turntable.states().get(image)?.state, 'ready');
});
