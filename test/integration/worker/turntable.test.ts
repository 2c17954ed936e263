import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { FastClock } from '../../../bench/replay/fast-clock.ts';
import { model } from '../../helpers/jobs.ts';
import { TempDir } from '../../helpers/temp-dir.ts';
import { projectDir } from '../supervisor/turntable-box.ts';
import { WorkerHouse } from './worker-house.ts';

test('jobs that alternate between two models are served in groups, with one model there at a time', async (t) => {
  await using house = await WorkerHouse.open(t, { a: {}, b: {} });
  const jobs = [];
  for (let at = 0; at < 10; at++) jobs.push(await house.submit(at % 2 ? 'b' : 'a', `job ${at}`));
  const records = await Promise.all(jobs.map((id) => house.ended(id)));
  assert.ok(records.every(({ status }) => status === 'completed'));
  assert.ok(house.events.of('swap.finished').length <= 3, 'it swapped job by job');
  const entries = await house.journal.entries();
  assert.deepEqual(
    entries.filter(({ event }) => event === 'overlap'),
    [],
  );
});

test('at most `concurrency` jobs run at once, and as many do', async (t) => {
  const chat = { args: { tokens: 5, token_ms: 20 }, spec: { concurrency: 3 } };
  await using house = await WorkerHouse.open(t, { chat });
  const jobs = await Promise.all(Array.from({ length: 9 }, (_, at) => house.submit('chat', `job ${at}`)));
  await Promise.all(jobs.map((id) => house.ended(id)));
  let now = 0;
  let most = 0;
  for (const { event } of await house.journal.entries()) {
    if (event === 'gen_start') now += 1;
    if (event === 'gen_end') now -= 1;
    most = Math.max(most, now);
  }
  assert.equal(most, 3);
});

test("an operator's unload of a busy model lets its job end first", async (t) => {
  await using house = await WorkerHouse.open(t, { chat: { args: { tokens: 10, token_ms: 50 } } });
  const job = await house.submit('chat', 'x');
  await house.journal.until(({ event }) => event === 'first_token');
  await house.board.send({ type: 'unload', model: model('chat') });
  await house.box.events.next('model.state-changed', { to: 'stopped' });
  const { status, attempts } = await house.record(job);
  assert.deepEqual([status, attempts], ['completed', 1]);
});

test('a paused model starts nothing until it is resumed', async (t) => {
  await using house = await WorkerHouse.open(t, { chat: {}, other: {} });
  await house.board.send({ type: 'pause', model: model('chat') });
  const paused = await house.submit('chat', 'x');
  assert.equal((await house.ended(await house.submit('other', 'y'))).status, 'completed');
  assert.equal((await house.record(paused)).status, 'queued');
  await house.board.send({ type: 'resume', model: model('chat') });
  assert.equal((await house.ended(paused)).status, 'completed');
});

/** A service that cannot start as long as a file is there. */
async function flaky(dir: TempDir) {
  const flag = dir.path('broken');
  const script = dir.path('server.py');
  const folder = join(projectDir, 'test/stand-ins');
  await writeFile(flag, '');
  await writeFile(
    script,
    [
      'import os, runpy, sys',
      `if os.path.exists(${JSON.stringify(flag)}):`,
      '    sys.exit("CUDA out of memory. Tried to allocate 2 GiB")',
      `sys.path.insert(0, ${JSON.stringify(folder)})`,
      `runpy.run_path(${JSON.stringify(join(folder, 'server.py'))}, run_name="__main__")`,
    ].join('\n'),
  );
  return { serviceScript: script, mend: () => rm(flag) };
}

test('a model that cannot start fails its calls with its log, keeps its jobs until it can, and stops nobody else', async (t) => {
  await using dir = await TempDir.create();
  const { serviceScript, mend } = await flaky(dir);
  const models = { broken: { serviceScript, spec: { serviceScript } }, chat: {} };
  await using house = await WorkerHouse.open(t, models, new FastClock(10));
  const job = await house.submit('broken', 'later');
  const call = await house.submit('broken', 'now', { sync: true });
  const other = await house.submit('chat', 'x');
  const refused = await house.ended(call);
  assert.deepEqual([refused.status, refused.error?.code], ['failed', 'model_load_failed']);
  assert.match(refused.error?.message ?? '', /CUDA out of memory\. Tried to allocate 2 GiB/);
  assert.deepEqual(
    house.events.of('swap.failed').map(({ retryInMs }) => retryInMs),
    [1000, 30_000],
  );
  assert.equal((await house.ended(other)).status, 'completed');
  assert.equal((await house.record(job)).status, 'queued');
  await mend();
  const { status, attempts } = await house.ended(job);
  assert.deepEqual([status, attempts], ['completed', 1]);
});

test('what a load took is known after a restart, and published', async (t) => {
  await using house = await WorkerHouse.open(t, {
    chat: { args: { load_ms: 300 }, spec: { startupTimeMs: 60_000 } },
  });
  const loadMs = async () => (await house.board.workers())[0]?.estimates.chat?.loadMs ?? 0;
  assert.equal(await loadMs(), 60_000);
  await house.ended(await house.submit('chat', 'x'));
  await house.stopWorker(5000);
  await house.startWorker();
  // 0.3 of the way to what it took.
  assert.ok((await loadMs()) > 42_000 && (await loadMs()) < 45_000, `${await loadMs()} ms`);
});

test('a stop lets the running job end, and the waiting one runs after the restart', async (t) => {
  await using house = await WorkerHouse.open(t, { chat: { args: { tokens: 20, token_ms: 30 } } });
  const running = await house.submit('chat', 'x');
  await house.journal.until(({ event }) => event === 'first_token');
  const stopped = house.stopWorker(60_000);
  const waiting = await house.submit('chat', 'y');
  await stopped;
  assert.deepEqual(await house.box.survivors(), []);
  assert.equal((await house.record(running)).status, 'completed');
  assert.equal((await house.record(waiting)).status, 'queued');
  await house.startWorker();
  assert.equal((await house.ended(waiting)).status, 'completed');
});

test('what still runs at the deadline of a stop is put back, and runs again without a lost attempt', async (t) => {
  await using house = await WorkerHouse.open(t, { chat: { args: { token_ms: 50 } } });
  const job = await house.submit('chat', 'a '.repeat(100));
  await house.journal.until(({ event }) => event === 'first_token');
  await house.stopWorker(50);
  assert.deepEqual(await house.box.survivors(), []);
  const back = await house.record(job);
  assert.deepEqual([back.status, back.attempts], ['queued', 0]);
  await house.startWorker();
  const { status, attempts } = await house.ended(job);
  assert.deepEqual([status, attempts], ['completed', 1]);
});
