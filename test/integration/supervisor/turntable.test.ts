import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import type { RoundhouseError } from '../../../src/contracts/errors.ts';
import { asJobId } from '../../../src/contracts/ids.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import type { TurntableBox } from './turntable-box.ts';
import { model, pidOf, turntableBox } from './turntable-box.ts';

const a = model('a');
const b = model('b');

/** What a load rejects with. */
async function loadError({ turntable }: TurntableBox, name = a): Promise<RoundhouseError> {
  return turntable.load(name).then(
    () => assert.fail('the load succeeded'),
    (error: RoundhouseError) => error,
  );
}

function stateOf({ turntable }: TurntableBox, name = a) {
  return turntable.states().get(name);
}

test('a model is loaded, leased, asked and unloaded, and nothing is left', async (t) => {
  const box = await turntableBox(t, { a: { args: { load_ms: 30 } } });
  await box.turntable.start();
  assert.equal(box.turntable.lease(a), null);
  await box.turntable.load(a);
  const lease = box.turntable.lease(a);
  assert.ok(lease);
  const response = await box.http.request(lease.target, {
    method: 'POST',
    path: '/v1/chat/completions',
    body: JSON.stringify({ messages: [{ role: 'user', content: 'hello' }] }),
  });
  assert.match(await response.body.text(), /echo: hello/);
  lease.release();
  await box.turntable.unload(a, 'test');
  assert.equal(box.turntable.lease(a), null);
  assert.deepEqual(await box.survivors(), []);
  assert.deepEqual(
    box.events.of('model.state-changed').map(({ to }) => to),
    ['starting', 'loading', 'ready', 'stopping', 'stopped'],
  );
  assert.deepEqual(
    box.events.of('server.exited').map(({ code, expected }) => ({ code, expected })),
    [{ code: 0, expected: true }],
  );
});

test('a second load joins the first: one server, one start', async (t) => {
  const box = await turntableBox(t, { a: { args: { load_ms: 100 } } });
  await Promise.all([box.turntable.load(a), box.turntable.load(a), box.turntable.load(a)]);
  await box.turntable.load(a);
  assert.equal(box.events.of('server.started').length, 1);
});

test('a load that comes during an unload waits for it and starts anew', async (t) => {
  const box = await turntableBox(t, { a: {} });
  await box.turntable.load(a);
  const first = stateOf(box)?.bootId;
  const unloaded = box.turntable.unload(a, 'test');
  await box.turntable.load(a);
  await unloaded;
  assert.equal(stateOf(box)?.state, 'ready');
  assert.notEqual(stateOf(box)?.bootId, first);
});

test('an unload calls off a load that is under way', async (t) => {
  const box = await turntableBox(t, { a: { habit: 'hang_load' } });
  const failing = loadError(box);
  await box.events.next('model.state-changed', { to: 'loading' });
  await box.turntable.unload(a, 'test');
  assert.match((await failing).message, /unloaded before it was ready/);
  assert.equal(stateOf(box)?.state, 'stopped');
  assert.equal(stateOf(box)?.failure, null);
  assert.deepEqual(await box.survivors(), []);
});

test('readiness comes by event: a load needs no poll', async (t) => {
  const rarely = (_: number, signal?: AbortSignal) => systemClock.sleep(60_000, signal);
  const box = await turntableBox(
    t,
    { a: { args: { load_ms: 200 } } },
    { clock: { ...systemClock, sleep: rarely } },
  );
  await box.turntable.load(a);
  assert.equal(stateOf(box)?.state, 'ready');
});

for (const habit of ['silent', 'foreign']) {
  test(`a server that sends no events is found ready by polling its health (${habit})`, async (t) => {
    const box = await turntableBox(t, { a: { habit, args: { load_ms: 50 } } });
    await box.turntable.load(a);
    assert.equal(stateOf(box)?.state, 'ready');
  });
}

test('a load without a sign of life is ended at the stall deadline', async (t) => {
  const box = await turntableBox(t, { a: { habit: 'hang_load', deadlines: { loadStallMs: 300 } } });
  const error = await loadError(box);
  assert.equal(error.code, 'model_load_failed');
  assert.match(error.message, /no sign of life for 0.3 s/);
  assert.equal(stateOf(box)?.state, 'failed');
  assert.equal(stateOf(box)?.failure?.failures, 1);
  assert.deepEqual(await box.survivors(), []);
});

test('a slow load that tells its progress is not ended by the stall deadline', async (t) => {
  const progress: number[] = [];
  const deadlines = { loadStallMs: 4_000 };
  const box = await turntableBox(t, {
    a: { habit: 'slow_load_with_progress', args: { load_ms: 5_000 }, deadlines },
  });
  box.turntable.onChange((_, view) => {
    if (view.loadProgress !== null) progress.push(view.loadProgress);
  });
  await box.turntable.load(a);
  assert.ok(progress.length > 5);
  assert.deepEqual(
    progress,
    progress.toSorted((x, y) => x - y),
  );
});

test('a load that goes on and on is ended at the total deadline', async (t) => {
  const box = await turntableBox(t, {
    a: { habit: 'slow_load_with_progress', args: { load_ms: 60_000 }, deadlines: { loadTotalMs: 8_000 } },
  });
  assert.match((await loadError(box)).message, /not ready after 8 s \(weights, \d+ %\)/);
});

test('a server that exits with 0 while loading has failed', async (t) => {
  const box = await turntableBox(t, { a: { habit: 'exit0' } });
  assert.match((await loadError(box)).message, /exited with code 0 before it was ready/);
  assert.deepEqual(
    box.events.of('server.exited').map(({ code, expected }) => ({ code, expected })),
    [{ code: 0, expected: false }],
  );
});

test('a failed load tells what the server said last, and each failure in a row is counted', async (t) => {
  const box = await turntableBox(t, { a: { habit: 'oom_text' } });
  const error = await loadError(box);
  assert.match(error.message, /exited with code 1 before it was ready\n[\s\S]*CUDA out of memory/);
  await loadError(box);
  const failure = stateOf(box)?.failure;
  assert.equal(failure?.failures, 2);
  assert.match(failure?.logTail.at(-1) ?? '', /CUDA out of memory/);
  assert.equal(failure?.logTail.filter((line) => line.includes('CUDA')).length, 1);
});

test('a server that says SETUP_FAILED is believed at once', async (t) => {
  const box = await turntableBox(t, { a: { habit: 'setup_failed' } });
  assert.match((await loadError(box)).message, /no such checkpoint/);
  assert.deepEqual(await box.survivors(), []);
});

test('a server of another start that answers health is not taken for ready', async (t) => {
  const box = await turntableBox(t, { a: { habit: 'wrong_boot_id', deadlines: { loadTotalMs: 8_000 } } });
  assert.match((await loadError(box)).message, /another program answers at its address/);
});

test('a stranger on the port of a model is not taken for it', async (t) => {
  const stranger = createServer((_, response) => response.end('{"status":"ok"}'));
  stranger.listen(0, '127.0.0.1');
  await once(stranger, 'listening');
  t.after(() => stranger.close());
  const address = stranger.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const box = await turntableBox(t, { a: { port } });
  assert.match((await loadError(box)).message, /Address already in use/);
});

test('a script that does not exist fails the load with the words of its interpreter', async (t) => {
  const box = await turntableBox(t, { a: { serviceScript: '/nowhere/server.py' } });
  assert.match((await loadError(box)).message, /nowhere\/server.py/);
});

test('a model on a port is served there', async (t) => {
  const box = await turntableBox(t, { a: { port: await freePort() } });
  await box.turntable.load(a);
  const target = box.turntable.lease(a)?.target ?? { origin: '' };
  assert.match('origin' in target ? target.origin : '', /^http:\/\/127.0.0.1:\d+$/);
});

test('a server that is killed while ready fails, and its leases say why', async (t) => {
  const box = await turntableBox(t, { a: {} });
  await box.turntable.load(a);
  const lease = box.turntable.lease(a);
  assert.ok(lease);
  process.kill(pidOf(box, a), 'SIGKILL');
  await once(lease.gone, 'abort');
  assert.equal(lease.gone.reason.code, 'model_crashed');
  assert.match(lease.gone.reason.message, /SIGKILL[\s\S]*Its last lines:\n[\s\S]*ready/);
  assert.equal(stateOf(box)?.state, 'failed');
  assert.equal(stateOf(box)?.failure?.failures, 0);
  assert.equal(box.turntable.lease(a), null);
  await box.turntable.load(a);
  assert.equal(stateOf(box)?.failure, null);
});

test('a crash in the middle of a stream is told with its signal', async (t) => {
  const box = await turntableBox(t, { a: { habit: 'crash_mid_stream', args: { tokens: 4 } } });
  await box.turntable.load(a);
  const lease = box.turntable.lease(a);
  assert.ok(lease);
  const gone = once(lease.gone, 'abort');
  await ask(box, lease.target, { stream: true }).catch(() => {});
  await gone;
  assert.match(lease.gone.reason.message, /SIGSEGV/);
});

test('progress of a job reaches the listener of its lease', async (t) => {
  const box = await turntableBox(t, { a: { args: { tokens: 4 } } });
  await box.turntable.load(a);
  const lease = box.turntable.lease(a);
  assert.ok(lease);
  const { promise, resolve } = Promise.withResolvers<void>();
  const seen: (number | null)[] = [];
  lease.onProgress(asJobId('job_1'), (progress, phase) => {
    assert.equal(phase, 'generating');
    seen.push(progress);
    if (progress === 1) resolve();
  });
  lease.onProgress(asJobId('job_2'), () => assert.fail('this is not the job'));
  await ask(box, lease.target, {}, { 'x-job-id': 'job_1' });
  await promise;
  assert.deepEqual(seen, [0.25, 0.5, 0.75, 1]);
});

test('a server that ignores SIGTERM is killed when its grace is over', async (t) => {
  const box = await turntableBox(t, { a: { habit: 'ignore_term', deadlines: { stopGraceMs: 200 } } });
  await box.turntable.load(a);
  await box.turntable.unload(a, 'test');
  assert.equal(box.events.of('server.exited')[0]?.signal, 'SIGKILL');
  assert.deepEqual(await box.survivors(), []);
});

for (const habit of ['fork_escape', 'hold_stdout']) {
  test(`an unload reaches what the server left behind (${habit})`, async (t) => {
    const box = await turntableBox(t, { a: { habit } });
    await box.turntable.load(a);
    assert.ok((await box.survivors()).length >= 3);
    await box.turntable.unload(a, 'test');
    assert.deepEqual(await box.survivors(), []);
  });
}

test('a hung server is ended by its lease without grace and may be loaded again', async (t) => {
  const box = await turntableBox(t, { a: { habit: 'ignore_term' } });
  await box.turntable.load(a);
  const lease = box.turntable.lease(a);
  assert.ok(lease);
  await lease.kill('no token for 60 s');
  assert.equal(stateOf(box)?.state, 'failed');
  assert.equal(stateOf(box)?.failure?.reason, 'no token for 60 s');
  assert.ok(lease.gone.aborted);
  assert.deepEqual(await box.survivors(), []);
  assert.equal(box.events.of('server.killed').length, 1);
  assert.equal((await box.events.next('server.exited')).expected, true);
  await box.turntable.load(a);
  assert.equal(stateOf(box)?.state, 'ready');
});

test('a server whose launcher is killed takes its whole tree with it', async (t) => {
  const box = await turntableBox(t, { a: { habit: 'fork_escape' } });
  await box.turntable.load(a);
  const lease = box.turntable.lease(a);
  assert.ok(lease);
  const leader = pidOf(box, a);
  process.kill(await parentOf(leader), 'SIGKILL');
  await once(lease.gone, 'abort');
  assert.deepEqual(await box.survivors(), []);
});

test('a flood of output holds up neither the load nor the event loop', async (t) => {
  const box = await turntableBox(t, { a: { habit: 'flood_stdout' } });
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  await box.turntable.load(a);
  for (let asked = 0; asked < 20; asked += 1) await ask(box, box.turntable.lease(a)?.target, {});
  delay.disable();
  t.diagnostic(`event loop delay p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms`);
  await box.turntable.unload(a, 'test');
  const tail = (await box.turntable.logTail(a, 100_000)) ?? [];
  assert.ok(tail.join('\n').length <= 262_144);
});

test('the log of a model is a file, and its tail is known', async (t) => {
  const box = await turntableBox(t, { a: {} });
  assert.deepEqual(await box.turntable.logTail(a, 5), []);
  assert.equal(await box.turntable.logTail(model('unknown'), 5), null);
  await box.turntable.load(a);
  assert.deepEqual(messages(await box.turntable.logTail(a, 1)), ['ready']);
  await box.turntable.stop(AbortSignal.timeout(20_000));
  const lines = (await readFile(join(box.dir, 'logs', 'a.log'), 'utf8')).split('\n');
  assert.deepEqual(messages(lines), ['loading a, habit none', 'ready', 'stopped']);
});

test('two models are two servers, and stopping ends both', async (t) => {
  const box = await turntableBox(t, { a: {}, b: {} });
  await Promise.all([box.turntable.load(a), box.turntable.load(b)]);
  assert.equal(stateOf(box, a)?.state, 'ready');
  assert.equal(stateOf(box, b)?.state, 'ready');
  await box.turntable.stop(AbortSignal.timeout(20_000));
  assert.deepEqual(await box.survivors(), []);
  assert.equal((await loadError(box)).code, 'shutting_down');
});

test('stopping does not wait for a grace that is longer than its deadline', async (t) => {
  const box = await turntableBox(t, {
    a: { habit: 'ignore_term', deadlines: { stopGraceMs: 600_000 } },
    b: { habit: 'hang_load' },
  });
  await box.turntable.load(a);
  const failing = loadError(box, b);
  await box.events.next('model.state-changed', { model: b, to: 'loading' });
  await box.turntable.stop(AbortSignal.timeout(100));
  await failing;
  assert.deepEqual(await box.survivors(), []);
});

test('a model server knows no secrets of ours', async (t) => {
  const secrets = {
    ROUNDHOUSE_API_KEYS: 'k',
    REDIS_URL: 'redis://x',
    RUNPOD_API_KEY: 'r',
    HF_TOKEN: 'h',
    AWS_SECRET_ACCESS_KEY: 's',
  };
  const box = await turntableBox(t, { a: {} }, { env: { ...secrets, CUDA_VISIBLE_DEVICES: '0' } });
  await box.turntable.load(a);
  const environ = (await readFile(`/proc/${stateOf(box)?.pid}/environ`, 'utf8')).split('\0');
  const names = environ.map((each) => each.split('=')[0]);
  for (const name of Object.keys(secrets)) assert.ok(!names.includes(name), name);
  assert.ok(environ.includes('CUDA_VISIBLE_DEVICES=0'));
  assert.ok(environ.includes('SPT_NOENV=1'));
  assert.ok(environ.includes(`ROUNDHOUSE_INSTANCE=${box.instanceId}`));
});

test('sockets left behind are removed at the start', async (t) => {
  const box = await turntableBox(t, { a: {} });
  await box.turntable.start();
  const stale = join(box.dir, 'run', 'm', 'dead.sock');
  await writeFile(stale, '');
  await box.turntable.start();
  await assert.rejects(readFile(stale), { code: 'ENOENT' });
});

async function ask(
  box: TurntableBox,
  target: { readonly socketPath: string } | { readonly origin: string } | undefined,
  body: Record<string, unknown>,
  headers: Record<string, string> = {},
): Promise<string> {
  assert.ok(target);
  const messages = [{ role: 'user', content: 'hello' }];
  const response = await box.http.request(target, {
    method: 'POST',
    path: '/v1/chat/completions',
    headers,
    body: JSON.stringify({ messages, ...body }),
  });
  return response.body.text();
}

async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

/** What a stand-in logged, without the lines of others. */
const messages = (lines: readonly string[] | null) =>
  (lines ?? []).filter((line) => line.startsWith('{')).map((line) => JSON.parse(line).message);
