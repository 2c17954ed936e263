import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { EventRecorder, type RecordedEvent } from '../../helpers/event-recorder.ts';
import { killMarked, processesMarked } from '../../helpers/processes.ts';
import { model, projectDir, type TurntableBox, turntableBox } from './turntable-box.ts';

interface Owner {
  readonly child: ChildProcess;
  readonly events: EventRecorder;
}

/** Another process with a turntable of its own on the same folders, under the same instance id. */
function startOwner(t: TestContext, box: TurntableBox, habit: string): Owner {
  const script = join(projectDir, 'test/fixtures/turntable-owner.ts');
  const child = spawn(process.execPath, [script, box.dir, box.instanceId, habit], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => killMarked(box.dir));
  const events = new EventRecorder();
  if (child.stdout)
    createInterface({ input: child.stdout }).on('line', (line) =>
      events.add(JSON.parse(line) as RecordedEvent),
    );
  child.once('exit', () => events.fail(new Error('the owner exited')));
  return { child, events };
}

async function kill({ child }: Owner): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

for (const [moment, habit, state] of [
  ['while a model loads', 'hang_load', 'loading'],
  ['while a model is ready', 'none', 'ready'],
  ['with a server that escapes and ignores SIGTERM', 'fork_escape', 'ready'],
] as const) {
  test(`kill -9 of the owner leaves no process behind (${moment})`, async (t) => {
    const box = await turntableBox(t, {});
    const owner = startOwner(t, box, habit);
    await owner.events.next('model.state-changed', { to: state });
    assert.ok((await processesMarked(box.instanceId)).length > 0);
    await kill(owner);
    while ((await box.survivors()).length > 0) await new Promise(setImmediate);
  });
}

test('what outlived owner and launcher is swept before anything is loaded, and loading works', async (t) => {
  const a = model('a');
  const box = await turntableBox(t, { a: {} });
  const owner = startOwner(t, box, 'fork_escape');
  const started = await owner.events.next('server.started');
  await owner.events.next('model.state-changed', { to: 'ready' });
  owner.child.kill('SIGSTOP');
  const orphans = (await box.survivors()).filter((pid) => pid !== owner.child.pid);
  process.kill(await parentOf(Number(started.pid)), 'SIGKILL');
  await kill(owner);
  await box.turntable.start();
  const swept = box.events.of('orphans.swept')[0]?.pids as readonly number[] | undefined;
  assert.ok(swept && swept.length > 0);
  assert.ok(swept.every((pid) => orphans.includes(pid)));
  assert.deepEqual(await box.survivors(), []);
  await box.turntable.load(a);
  assert.equal(box.turntable.states().get(a)?.state, 'ready');
});

test('a sweep spares the processes of another instance', async (t) => {
  const theirs = await turntableBox(t, { a: {} });
  const ours = await turntableBox(t, {});
  await theirs.turntable.load(model('a'));
  await ours.turntable.start();
  assert.equal(theirs.turntable.states().get(model('a'))?.state, 'ready');
  assert.equal(ours.events.of('orphans.swept').length, 0);
});

async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}
