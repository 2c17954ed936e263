import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { launch } from '../../../src/platform/child-process.ts';
import { LauncherPool } from '../../../src/platform/launcher-pool.ts';

const PATH = process.env.PATH ?? '';
/** A clock on which nothing comes to pass: a pool that lent its launcher stays empty. */
const still = { after: () => () => undefined };

test('a launcher that waited runs what it is told, with the environment, folder and grace of the order', async () => {
  const launchers = new LauncherPool(PATH, still);
  launchers.prepare();
  const lines: string[] = [];
  const { exited } = launch({
    launchers,
    command: 'sh',
    args: ['-c', 'echo "$GREETING from $PWD"; exit 7'],
    cwd: '/usr',
    env: { PATH, GREETING: 'hello' },
    graceMs: 1000,
    onLine: (line) => lines.push(line),
  });
  assert.deepEqual(await exited, { code: 7, signal: null, isCertain: true });
  assert.deepEqual(lines, ['hello from /usr']);
  await launchers.close();
});

test('what a waiting launcher started dies with the death pipe like any other', async () => {
  const launchers = new LauncherPool(PATH, still);
  launchers.prepare();
  const up = Promise.withResolvers<void>();
  const launched = launch({
    launchers,
    command: 'sh',
    args: ['-c', 'trap "" TERM; echo up; sleep 1000'],
    cwd: '/',
    env: { PATH },
    graceMs: 60_000,
    onLine: () => up.resolve(),
  });
  await up.promise;
  launched.kill();
  assert.equal((await launched.exited).signal, 'SIGKILL');
  await launchers.close();
});

test('a command that does not exist is told as without a pool', async () => {
  const launchers = new LauncherPool(PATH, still);
  launchers.prepare();
  const lines: string[] = [];
  const { exited } = launch({
    launchers,
    command: 'no-such-program',
    args: [],
    cwd: '/',
    env: { PATH },
    graceMs: 1000,
    onLine: (line) => lines.push(line),
  });
  assert.equal((await exited).code, 127);
  assert.deepEqual(lines, ['launcher: cannot run no-such-program: No such file or directory']);
});

test('a pool lends its launcher once, to those with the same search path, and none that has ended', async () => {
  const launchers = new LauncherPool(PATH, still);
  assert.equal(launchers.take(PATH), null);
  launchers.prepare();
  assert.equal(launchers.take('/elsewhere'), null);
  const lent = launchers.take(PATH);
  assert.ok(lent);
  assert.equal(launchers.take(PATH), null);
  lent.stdin?.end();
  assert.deepEqual(await once(lent, 'exit'), [0, null]);
});

test('a closed pool leaves no process behind and makes no new one', async () => {
  const launchers = new LauncherPool(PATH, still);
  launchers.prepare();
  await launchers.close();
  launchers.prepare();
  assert.equal(launchers.take(PATH), null);
});
