import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import { jobClasses } from '../../../src/contracts/job.ts';
import type { Registry } from '../../../src/contracts/registry.ts';
import { aModelSpec } from '../../fakes/a-registry.ts';
import { type FakeCall, jsonAnswer, silence } from '../../fakes/fake-model-http.ts';
import { model } from '../../helpers/jobs.ts';
import { fc, runs } from '../../helpers/properties.ts';
import { WorkerBox } from './worker-box.ts';

const names = ['a', 'b', 'c'];
const name = fc.constantFrom(...names);
const ms = fc.constantFrom(0, 10, 300, 2000, 15_000, 100_000);

const action = fc.oneof(
  fc.record({
    do: fc.constant('add' as const),
    name,
    jobClass: fc.constantFrom(...jobClasses),
    sync: fc.boolean(),
    behaviour: fc.constantFrom('ok', 'ok', 'ok', 'hang', 'fail', 'crash', 'garbage'),
  }),
  fc.record({ do: fc.constantFrom('crash', 'break', 'mend', 'load', 'unload', 'pause', 'resume'), name }),
  fc.record({ do: fc.constant('cancel' as const) }),
  fc.record({ do: fc.constant('advance' as const), ms }),
  fc.record({ do: fc.constant('away' as const) }),
);
type Action = typeof action extends fc.Arbitrary<infer Value> ? Value : never;

function answerOf(box: WorkerBox) {
  return async (call: FakeCall) => {
    const { behaviour } = call.body;
    await box.clock.sleep(700, call.signal);
    call.signal.throwIfAborted();
    if (behaviour === 'hang') return silence(call);
    if (behaviour === 'fail') return jsonAnswer({ error: { message: 'no' } }, 500);
    if (behaviour === 'garbage') return jsonAnswer('{"a');
    if (behaviour === 'crash') box.turntable.crash(model(call.model));
    return behaviour === 'crash' ? silence(call) : jsonAnswer({ ok: true });
  };
}

function control(box: WorkerBox, type: string, id: string): void {
  const { lanes, turntable } = box;
  if (type === 'crash') turntable.crashIfReady(model(id));
  if (type === 'break') turntable.broken.add(model(id));
  if (type === 'mend') turntable.broken.delete(model(id));
  if (type === 'pause') lanes.paused.add(model(id));
  if (type === 'resume') lanes.paused.delete(model(id));
  if (type === 'load' || type === 'unload' || type === 'pause' || type === 'resume')
    box.control({ type, model: model(id) });
}

async function perform(box: WorkerBox, each: Action): Promise<void> {
  if (each.do === 'add') {
    const body = JSON.stringify({ behaviour: each.behaviour });
    box.add(each.name, { class: each.jobClass, sync: each.sync, body, stream: true });
  } else if (each.do === 'cancel') {
    for (const [id, claim] of [...box.lanes.claims].slice(0, 1)) claim.abort.abort(errors.cancelled(id));
  } else if (each.do === 'advance') await box.clock.advance(each.ms);
  else if (each.do === 'away') box.lanes.isAway = !box.lanes.isAway;
  else control(box, each.do, each.name);
  await box.clock.advance(1);
}

/** Whatever happened: once the faults stop, everything comes to its one end. */
async function checkEnd(box: WorkerBox): Promise<void> {
  box.lanes.isAway = false;
  for (const each of names) for (const type of ['mend', 'resume']) control(box, type, each);
  await box.until(() => box.lanes.queue.length === 0 && box.lanes.claims.size === 0, 10_000_000, 1000);
  const ends = new Map<unknown, number>();
  for (const { jobId, status } of box.events.of('settled')) {
    if (status !== 'queued') ends.set(jobId, (ends.get(jobId) ?? 0) + 1);
  }
  for (const { jobId } of box.events.of('failed-waiting')) ends.set(jobId, (ends.get(jobId) ?? 0) + 1);
  assert.ok(
    [...ends.values()].every((count) => count === 1),
    'a job has ended twice',
  );
  assert.ok(box.events.of('claimed').every(({ attempt }) => Number(attempt) <= 2));
  assert.deepEqual(box.events.of('system.fault'), []);
}

/** A model whose gate was closed starts nothing before it was loaded anew. */
function checkGates(box: WorkerBox): void {
  const closed = new Set<unknown>();
  for (const event of box.events.all) {
    if (event.type === 'swap.started') for (const each of event.evict as unknown[]) closed.add(each);
    if (event.type === 'load') closed.delete(event.model);
    if (event.type === 'claimed') assert.ok(!closed.has(event.model), `${event.model} was draining`);
  }
}

async function live(
  actions: readonly Action[],
  isApiHere: boolean,
  over: Partial<Registry>,
  vramMb: number,
): Promise<void> {
  const specs = names.map((id) => aModelSpec(id, { concurrency: id === 'a' ? 2 : 1, vramMb }));
  const box = new WorkerBox(specs, over);
  box.http.answer = answerOf(box);
  if (isApiHere) box.acceptHere();
  await box.worker.start();
  for (const each of actions) await perform(box, each);
  await checkEnd(box);
  checkGates(box);
  await box.stop();
  assert.equal(box.clock.pending, 0, 'a timer is left');
  assert.ok(box.turntable.mostAtOnce <= (vramMb === 0 ? 1 : 2), 'too many servers at once');
  for (const id of names)
    assert.ok(box.http.mostOf(id) <= (id === 'a' ? 2 : 1), `too many jobs at once on ${id}`);
}

for (const [words, over, vramMb] of [
  ['one model at a time', {}, 0],
  ['two models at a time', { vramMb: 100 }, 40],
] as const) {
  test(`${words}: through crashes, hangs, wishes and outages every job comes to one end`, async () => {
    const actions = fc.array(action, { minLength: 5, maxLength: 40 });
    const property = fc.asyncProperty(actions, fc.boolean(), (all, isApiHere) =>
      live(all, isApiHere, over, vramMb),
    );
    await fc.assert(property, runs(150));
  });
}
