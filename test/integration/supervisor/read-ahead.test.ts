import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../../src/platform/clock.ts';
import { largeFiles, readIntoCache } from '../../../src/platform/page-cache.ts';
import { ReadAhead } from '../../../src/supervisor/read-ahead.ts';
import { EventRecorder } from '../../helpers/event-recorder.ts';
import { model } from './turntable-box.ts';

const mb = 1024 * 1024;
const a = model('a');

async function aFolder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'rh-ra-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Weights as the hub's cache keeps them: links in a snapshot to blobs beside it. */
async function aCache(dir: string): Promise<string> {
  const [blobs, snapshot] = [join(dir, 'blobs'), join(dir, 'snapshots', 'c0ffee')];
  await mkdir(blobs);
  await mkdir(snapshot, { recursive: true });
  for (const [name, bytes] of [
    ['one', 2 * mb],
    ['two', 3 * mb],
    ['small', 1000],
  ] as const) {
    await writeFile(join(blobs, name), Buffer.alloc(bytes, 1));
    await symlink(join(blobs, name), join(snapshot, `${name}.safetensors`));
  }
  return snapshot;
}

async function aReadAhead(t: TestContext, freeMb: number | null = null) {
  const dir = await aFolder(t);
  const events = new EventRecorder();
  const options = {
    path: join(dir, 'data', 'weights.json'),
    clock: systemClock,
    emit: events.emit as never,
    hostFreeMb: async () => freeMb,
  };
  return { options, events, snapshot: await aCache(dir), ahead: new ReadAhead(options) };
}

test('of a folder, the large files are read, in order and through links', async (t) => {
  const snapshot = await aCache(await aFolder(t));
  const files = await largeFiles([snapshot, join(snapshot, 'missing')]);
  assert.deepEqual(files, [
    [join(snapshot, 'one.safetensors'), 2 * mb],
    [join(snapshot, 'two.safetensors'), 3 * mb],
  ]);
  assert.equal(
    await readIntoCache(
      files.map(([path]) => path),
      new AbortController().signal,
    ),
    5 * mb,
  );
});

test('nothing is read for a signal that is over, and what is gone is left out', async (t) => {
  const snapshot = await aCache(await aFolder(t));
  const path = join(snapshot, 'one.safetensors');
  assert.equal(await readIntoCache([path], AbortSignal.abort()), 0);
  assert.equal(await readIntoCache([join(snapshot, 'missing'), path], new AbortController().signal), 2 * mb);
});

test('what a service told of its weights is read ahead, and known to the next run', async (t) => {
  const { options, events, snapshot, ahead } = await aReadAhead(t);
  ahead.begin(a);
  ahead.learn(a, [snapshot]);
  await ahead.stop();
  const next = new ReadAhead(options);
  await next.start();
  next.begin(a);
  const told = await events.next('weights.read-ahead');
  assert.deepEqual([told.model, told.mb, told.isWhole], [a, 5, true]);
  await next.stop();
});

test('no more is read than there is memory for', async (t) => {
  const { events, snapshot, ahead } = await aReadAhead(t, 4);
  ahead.learn(a, [snapshot]);
  ahead.begin(a);
  const told = await events.next('weights.read-ahead');
  assert.deepEqual([told.mb, told.isWhole], [2, false]);
  await ahead.stop();
});

test('a file of names that cannot be read is forgotten', async (t) => {
  const { options, ahead } = await aReadAhead(t);
  await mkdir(join(options.path, '..'), { recursive: true });
  await writeFile(options.path, '{"a": 7');
  await ahead.start();
  ahead.begin(a);
  await ahead.stop();
});

test('a read is not repeated while it is fresh, and begins anew where its swap was put off', async (t) => {
  const { options, events, snapshot } = await aReadAhead(t);
  let nowMs = 0;
  const ahead = new ReadAhead({ ...options, clock: { monotonicMs: () => nowMs } });
  ahead.learn(a, [snapshot]);
  ahead.begin(a);
  await events.next('weights.read-ahead');
  ahead.begin(a);
  nowMs = 61_000;
  ahead.begin(a);
  await events.next('weights.read-ahead');
  await ahead.stop();
  assert.equal(events.of('weights.read-ahead').length, 2);
});
