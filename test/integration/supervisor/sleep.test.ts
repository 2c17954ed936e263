import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type BoxOptions,
  model,
  pidOf,
  type StandIn,
  type TurntableBox,
  turntableBox,
} from './turntable-box.ts';

const a = model('a');
const other = model('other');
const beside = model('beside');
const gpu = { withGpu: true, settleMs: 300 };

/** A box whose model `a` is ready, and sleeps when it is evicted. */
async function ready(
  t: TestContext,
  standIn: StandIn = {},
  options: BoxOptions = gpu,
): Promise<TurntableBox> {
  const standIns = {
    a: { vramMb: 20_000, sleep: true, ...standIn },
    other: { vramMb: 20_000 },
    beside: { vramMb: 8_000 },
  };
  const box = await turntableBox(t, standIns, options);
  await box.turntable.load(a);
  return box;
}

const stateOf = ({ turntable }: TurntableBox) => turntable.states().get(a);
const starts = ({ events }: TurntableBox) => events.of('server.started').length;
const statesOf = ({ events }: TurntableBox) =>
  events
    .of('model.state-changed')
    .filter((each) => each.model === a)
    .map(({ to }) => to);

test('an evicted model sleeps, another takes its memory, and it wakes with the same start', async (t) => {
  const box = await ready(t);
  const { bootId } = stateOf(box) ?? {};
  await box.turntable.evict(a, 'makes room');
  assert.deepEqual([stateOf(box)?.state, stateOf(box)?.sleeps], ['asleep', true]);
  assert.equal(box.turntable.lease(a), null);
  await box.turntable.load(other);
  await box.turntable.evict(other, 'makes room');
  await box.turntable.load(a);
  assert.deepEqual([stateOf(box)?.state, stateOf(box)?.bootId], ['ready', bootId]);
  assert.deepEqual(statesOf(box).slice(-4), ['draining', 'asleep', 'loading', 'ready']);
  assert.deepEqual([box.events.of('server.slept').length, box.events.of('server.woke').length], [1, 1]);
  assert.notEqual(box.turntable.lease(a), null);
});

test('it sleeps, and is ended, beside others that came since it was loaded', async (t) => {
  const box = await ready(t, { vramMb: 8_000 }, { ...gpu, settleMs: 20_000 });
  await box.turntable.load(beside);
  await box.turntable.evict(a, 'makes room');
  assert.equal(stateOf(box)?.state, 'asleep');
  await box.turntable.load(a);
  await box.turntable.unload(a, 'asked for');
  assert.equal(box.events.of('vram.waiting').length, 0);
});

test('one that keeps its memory does not pass for asleep because another has left', async (t) => {
  const box = await turntableBox(
    t,
    {
      beside: { vramMb: 8_000 },
      a: { vramMb: 8_000, sleep: true, habit: 'sleep_keeps_vram' },
    },
    gpu,
  );
  await box.turntable.load(beside);
  await box.turntable.load(a);
  await box.turntable.unload(beside, 'asked for');
  await box.turntable.evict(a, 'makes room');
  assert.match(String(box.events.of('server.sleepless')[0]?.why), /did not give its GPU memory back/);
});

test('sleepers are ended where a model gets no room otherwise', async (t) => {
  const box = await ready(t, { args: { asleep_mb: 4_500 } });
  await box.turntable.evict(a, 'makes room');
  assert.equal(stateOf(box)?.state, 'asleep');
  await box.turntable.load(other);
  assert.deepEqual([stateOf(box)?.state, box.turntable.states().get(other)?.state], ['stopped', 'ready']);
});

test('a model that is not to sleep, or that an operator unloads, is ended', async (t) => {
  const box = await ready(t, { sleep: false, args: { can_sleep: true } });
  await box.turntable.evict(a, 'makes room');
  assert.deepEqual([stateOf(box)?.state, stateOf(box)?.sleeps], ['stopped', false]);
  const sleeper = await ready(t);
  await sleeper.turntable.unload(a, 'asked for');
  assert.equal(stateOf(sleeper)?.state, 'stopped');
});

test('a sleeper that an operator unloads is ended', async (t) => {
  const box = await ready(t);
  await box.turntable.evict(a, 'makes room');
  await box.turntable.unload(a, 'asked for');
  assert.equal(stateOf(box)?.state, 'stopped');
  assert.deepEqual(await box.survivors(), []);
});

test('without host memory to sleep in it is ended, and sleeps another time', async (t) => {
  const box = await ready(t, {}, { ...gpu, hostFreeMb: 20_500 });
  await box.turntable.evict(a, 'makes room');
  assert.equal(stateOf(box)?.state, 'stopped');
  const [told] = box.events.of('server.sleepless');
  assert.match(
    String(told?.why),
    /20000 MB of host memory beside 1024 MB for the rest, and 20500 MB are free/,
  );
  assert.equal(told?.isFinal, false);
});

for (const [habit, why] of [
  ['sleep_keeps_vram', /did not give its GPU memory back/],
  ['sleep_fails', /no room to sleep in/],
] as const) {
  test(`a model that cannot fall asleep is ended instead, and starts cold (${habit})`, async (t) => {
    const box = await ready(t, { habit });
    await box.turntable.evict(a, 'makes room');
    assert.ok(['stopped', 'failed'].includes(String(stateOf(box)?.state)));
    assert.match(String(box.events.of('server.sleepless')[0]?.why), why);
    assert.deepEqual(await box.survivors(), []);
    await box.turntable.load(a);
    assert.deepEqual([stateOf(box)?.state, starts(box)], ['ready', 2]);
  });
}

for (const [habit, why] of [
  ['wake_fails', /the weights are gone/],
  ['wake_dies', /^the weights have melted$/],
  ['wake_hangs', /wake did not answer within 4 s/],
  ['wake_garbles', /answers otherwise since it was woken/],
] as const) {
  test(`a model that does not wake is started cold, in the same load (${habit})`, async (t) => {
    const patience = habit === 'wake_hangs' ? { sleepPatienceMs: 4000 } : {};
    const box = await ready(t, { habit }, { ...gpu, ...patience });
    await box.turntable.evict(a, 'makes room');
    assert.equal(stateOf(box)?.state, 'asleep');
    await box.turntable.load(a);
    assert.deepEqual([stateOf(box)?.state, starts(box)], ['ready', 2]);
    assert.match(String(box.events.of('server.sleepless')[0]?.why), why);
    assert.equal((await box.survivors()).length, 2);
  });
}

test('a service without sleep is ended, and not asked again with this start', async (t) => {
  const box = await ready(t, { args: { can_sleep: false } });
  assert.equal(stateOf(box)?.sleeps, true);
  await box.turntable.evict(a, 'makes room');
  assert.equal(stateOf(box)?.state, 'stopped');
  assert.match(String(box.events.of('server.sleepless')[0]?.why), /does not offer sleep/);
});

test('a sleeper that dies is failed, and its next load is a cold start', async (t) => {
  const box = await ready(t);
  await box.turntable.evict(a, 'makes room');
  process.kill(pidOf(box, a), 'SIGKILL');
  await box.events.next('model.state-changed', { model: a, to: 'failed' });
  assert.equal(stateOf(box)?.sleeps, false);
  await box.turntable.load(a);
  assert.deepEqual([stateOf(box)?.state, starts(box)], ['ready', 2]);
});

test('a wake waits for memory like a start, and one that gets none is ended and told', async (t) => {
  const box = await ready(t);
  await box.turntable.evict(a, 'makes room');
  await box.turntable.load(other);
  await assert.rejects(box.turntable.load(a), {
    code: 'model_load_failed',
    message: /20000 MB of GPU memory/,
  });
  assert.equal(stateOf(box)?.state, 'failed');
});

test('an unload calls off a wake', async (t) => {
  const box = await ready(t, { args: { wake_ms: 20_000 } });
  await box.turntable.evict(a, 'makes room');
  const waking = assert.rejects(box.turntable.load(a), /unloaded before it was ready/);
  await box.events.next('model.state-changed', { model: a, from: 'asleep' });
  await box.turntable.unload(a, 'asked for');
  await waking;
  assert.equal(stateOf(box)?.state, 'stopped');
});
