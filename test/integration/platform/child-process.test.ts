import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type TestContext, test } from 'node:test';
import type { ServiceEvent } from '../../../src/contracts/service-protocol.ts';
import { type LaunchedProcess, launch } from '../../../src/platform/child-process.ts';
import { runProgram } from '../../../src/platform/run-program.ts';
import { killMarked, processesMarked } from '../../helpers/processes.ts';

interface Started {
  readonly process: LaunchedProcess;
  readonly marker: string;
  readonly lines: string[];
  readonly events: ServiceEvent[];
  /** Resolves when the program writes a line that holds the text. */
  said(text: string): Promise<string>;
  bytes: number;
}

const path = process.env.PATH ?? '';

function start(
  t: TestContext,
  script: string,
  overrides: { graceMs?: number; orphanGraceMs?: number; python?: string } = {},
) {
  const marker = `rh-launch-${process.pid}-${Math.random().toString(36).slice(2)}`;
  const waits: { text: string; resolve: (line: string) => void }[] = [];
  const started: Started = {
    process: launch({
      command: 'sh',
      args: ['-c', script],
      cwd: '/',
      env: { PATH: path, MARKER: marker },
      graceMs: 10_000,
      ...overrides,
      onOutput: (bytes) => {
        started.bytes += bytes;
      },
      onEvent: (event) => started.events.push(event),
      onLine: (line) => {
        started.lines.push(line);
        for (const wait of waits) if (line.includes(wait.text)) wait.resolve(line);
      },
    }),
    marker,
    lines: [],
    events: [],
    bytes: 0,
    said: (text) => new Promise((resolve) => waits.push({ text, resolve })),
  };
  t.after(() => killMarked(marker));
  return started;
}

test('the exit tells code, last line and both events', async (t) => {
  const started = start(t, 'echo last words >&2; exit 3');
  assert.deepEqual(await started.process.exited, { code: 3, signal: null, isCertain: true });
  assert.deepEqual(started.lines, ['last words']);
  assert.deepEqual(
    started.events.map(({ type }) => type),
    ['started', 'exited'],
  );
});

test('a program that dies by a signal is told with its name', async (t) => {
  const started = start(t, 'kill -SEGV $$');
  assert.deepEqual(await started.process.exited, { code: null, signal: 'SIGSEGV', isCertain: true });
});

test('the program reads nothing and its events arrive parsed', async (t) => {
  const started = start(
    t,
    `cat; echo '{"type":"state","status":"READY","boot_id":"b1"}' >&3; echo rubbish >&3`,
  );
  await started.process.exited;
  // A program that is quick tells its first event before the launcher tells its start.
  const [own] = started.events.filter(({ type }) => type === 'state');
  assert.deepEqual(own, { type: 'state', status: 'READY', boot_id: 'b1' });
  assert.deepEqual(started.lines, ['not an event of the protocol: rubbish']);
});

test('terminate lets the program finish', async (t) => {
  const started = start(t, 'trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.05; done');
  await started.said('up');
  started.process.terminate();
  assert.deepEqual(await started.process.exited, { code: 0, signal: null, isCertain: true });
  assert.ok(started.lines.includes('bye'));
});

test('a program that ignores terminate is killed after the grace, escapees included', async (t) => {
  const script =
    'trap "" TERM; setsid sh -c "trap \\"\\" TERM; sleep 1000 & sleep 1000" & echo up; while :; do sleep 0.05; done';
  const started = start(t, script, { graceMs: 100 });
  await started.said('up');
  started.process.terminate();
  const { signal } = await started.process.exited;
  assert.equal(signal, 'SIGKILL');
  assert.deepEqual(await processesMarked(started.marker), []);
});

test('kill ends the whole tree without grace', async (t) => {
  const started = start(t, 'trap "" TERM; setsid sleep 1000 & echo up; sleep 1000');
  await started.said('up');
  started.process.kill();
  await started.process.exited;
  assert.deepEqual(await processesMarked(started.marker), []);
});

test('a program that may write out what it holds first gets SIGTERM when nobody is there any more', async (t) => {
  const script = 'trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.05; done';
  const started = start(t, script, { orphanGraceMs: 60_000 });
  await started.said('up');
  started.process.kill();
  assert.deepEqual(await started.process.exited, { code: 0, signal: null, isCertain: true });
});

test('its grace is short all the same', async (t) => {
  const started = start(t, 'trap "" TERM; echo up; while :; do sleep 0.05; done', { orphanGraceMs: 100 });
  await started.said('up');
  started.process.kill();
  assert.equal((await started.process.exited).signal, 'SIGKILL');
});

test('a child left behind that holds the output does not hold up the end', async (t) => {
  const started = start(t, 'sleep 1000 & exit 0');
  assert.equal((await started.process.exited).code, 0);
  assert.deepEqual(await processesMarked(started.marker), []);
});

test('a launcher that is killed itself is told as uncertain', async (t) => {
  const started = start(t, 'echo up; sleep 1000');
  await started.said('up');
  process.kill(started.process.pid, 'SIGKILL');
  assert.deepEqual(await started.process.exited, { code: null, signal: 'SIGKILL', isCertain: false });
});

test('without python3 the exit says so', async (t) => {
  const started = start(t, 'true', { python: '/nowhere/python3' });
  const exit = await started.process.exited;
  assert.deepEqual(exit, { code: 127, signal: null, isCertain: true });
  assert.match(started.lines[0] ?? '', /install Python 3.10/);
});

test('a flood of output is drained without holding up the event loop or filling the memory', async (t) => {
  const started = start(t, 'yes "a line of an engine that has gone mad"');
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const before = process.memoryUsage().rss;
  while (started.bytes < 500_000_000) await new Promise(setImmediate);
  delay.disable();
  started.process.kill();
  await started.process.exited;
  const kept = started.lines.reduce((sum, line) => sum + line.length, 0);
  assert.ok(kept < 30_000_000, `${kept} characters were kept of ${started.bytes} bytes`);
  const grown = (process.memoryUsage().rss - before) / 1_048_576;
  assert.ok(grown < 200, `memory grew by ${grown} MB`);
  t.diagnostic(`event loop delay p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms`);
});

test('a short program runs to its end and is told with its code and output', async () => {
  const options = { timeoutMs: 10_000, searchPath: path };
  assert.deepEqual(await runProgram('sh', ['-c', 'echo out; echo err >&2; exit 6'], options), {
    code: 6,
    stdout: 'out\n',
    stderr: 'err\n',
    isMissing: false,
  });
  const missing = await runProgram('no-such-program', [], options);
  assert.equal(missing.code, null);
  assert.equal(missing.isMissing, true);
});

test('a short program that hangs is ended after its timeout', async () => {
  const result = await runProgram('sleep', ['1000'], { timeoutMs: 50, searchPath: path });
  assert.equal(result.code, null);
});

test('the tree ends when its owner is killed', async (t) => {
  const marker = `rh-owner-${process.pid}-${Date.now()}`;
  t.after(() => killMarked(marker));
  const module = new URL('../../../src/platform/child-process.ts', import.meta.url).href;
  const source = `import { launch } from ${JSON.stringify(module)};
    launch({ command: 'sh', args: ['-c', 'setsid sleep 1000 & echo up; sleep 1000'], cwd: '/', graceMs: 1000,
      env: { PATH: ${JSON.stringify(path)}, MARKER: ${JSON.stringify(marker)} }, onLine: (line) => console.log(line) });`;
  const owner = launch({
    command: process.execPath,
    args: ['--input-type=module', '--no-warnings', '-e', source],
    cwd: '/',
    env: { PATH: path },
    graceMs: 1000,
    onLine: () => leaderOf(owner.pid).then((pid) => process.kill(pid, 'SIGKILL')),
  });
  await owner.exited;
  await untilNone(marker);
});

/** The node process under the launcher that the test itself started. */
async function leaderOf(launcherPid: number): Promise<number> {
  const { stdout } = await runProgram('cat', [`/proc/${launcherPid}/task/${launcherPid}/children`], {
    timeoutMs: 5_000,
    searchPath: path,
  });
  return Number(stdout.trim().split(' ')[0]);
}

async function untilNone(marker: string): Promise<void> {
  while ((await processesMarked(marker)).length > 0) await new Promise(setImmediate);
}
