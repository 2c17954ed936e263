import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { InstanceLock } from '../../../src/platform/instance-lock.ts';
import { TempDir } from '../../helpers/temp-dir.ts';

const source = join(import.meta.dirname, '../../../src/platform/instance-lock.ts');

async function house() {
  const dir = await TempDir.create();
  await mkdir(dir.path('data'));
  await mkdir(dir.path('run'));
  const options = { dataDir: dir.path('data'), runtimeDir: dir.path('run'), half: 'worker' as const };
  return { options, dir, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

/** Another process that holds the lock until it is killed. */
async function holder(options: object): Promise<ChildProcess> {
  const program = `import { InstanceLock } from ${JSON.stringify(source)};
    const lock = new InstanceLock(${JSON.stringify(options)});
    await lock.start();
    console.log('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

test('a second orchestrator on a data folder is refused with the process that holds it', async () => {
  await using at = await house();
  const child = await holder(at.options);
  try {
    assert.equal(await readFile(join(at.options.runtimeDir, 'worker.pid'), 'utf8'), `${child.pid}\n`);
    const refusal = new RegExp(`Process ${child.pid} already runs .*ROUNDHOUSE_DATA`);
    await assert.rejects(new InstanceLock(at.options).start(), refusal);
    await symlink(at.options.dataDir, at.dir.path('link'));
    await assert.rejects(new InstanceLock({ ...at.options, dataDir: at.dir.path('link') }).start(), refusal);
    child.kill('SIGSTOP');
    await assert.rejects(new InstanceLock(at.options).start(), refusal);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

test('a lock is free again as soon as its holder is killed', async () => {
  await using at = await house();
  const child = await holder(at.options);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = new InstanceLock(at.options);
  await lock.start();
  await lock.stop();
});

test('a released lock is free, its process id forgotten', async () => {
  await using at = await house();
  const first = new InstanceLock(at.options);
  await first.start();
  await first.stop();
  await first.stop();
  await assert.rejects(readFile(join(at.options.runtimeDir, 'worker.pid')), { code: 'ENOENT' });
  const second = new InstanceLock(at.options);
  await second.start();
  await second.stop();
});

test('the two halves of a split house may share a data folder, and so may two houses a runtime folder', async () => {
  await using at = await house();
  await mkdir(at.dir.path('other'));
  const locks = [
    new InstanceLock({ ...at.options, half: 'api' }),
    new InstanceLock({ ...at.options, half: 'worker' }),
    new InstanceLock({ ...at.options, dataDir: at.dir.path('other'), half: 'api' }),
  ];
  for (const lock of locks) await lock.start();
  for (const lock of locks) await lock.stop();
});
