import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { takeKernelLock } from '../../../src/platform/kernel-lock.ts';
import { WorkerLease, WorkerNameTaken } from '../../../src/queue/worker-lease.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';

const lockScript = join(import.meta.dirname, '../../../src/platform/kernel-lock.ts');

async function lease(
  house: QueueHouse,
  over: { workerName?: string; bootId?: string; place?: string; redisUrl?: string } = {},
) {
  const { clock, emit } = house;
  const redis = await house.connected('worker');
  const made = new WorkerLease({
    ...{ redis, redisUrl: house.redis.url, workerName: 'w1', bootId: 'b1', clock, emit },
    ...over,
  });
  house.onClose(() => made.stop());
  return made;
}

test('a second worker of the same name is refused and told who holds it', async () => {
  await using house = await QueueHouse.open();
  await (await lease(house)).start();
  const second = await lease(house, { bootId: 'b2' });
  await assert.rejects(second.start(), (error: WorkerNameTaken) => {
    assert.ok(error instanceof WorkerNameTaken);
    assert.equal(error.exitCode, 75);
    assert.match(error.message, new RegExp(`"w1" is running already \\(process ${process.pid}\\)`));
    return true;
  });
  await (await lease(house, { workerName: 'w2' })).start();
});

test('a worker that stopped leaves its name free', async () => {
  await using house = await QueueHouse.open();
  const first = await lease(house);
  await first.start();
  await first.stop();
  await (await lease(house, { bootId: 'b2' })).start();
});

test('the lease of a dead worker of this host is replaced at once', async () => {
  await using house = await QueueHouse.open();
  const redis = await house.connected('worker');
  await redis.set('{roundhouse}:worker-lease:w1', 'here process 1 dead', 'PX', 15_000);
  await (await lease(house, { place: 'here' })).start();
  assert.match((await redis.get('{roundhouse}:worker-lease:w1')) ?? '', /^here process \d+ b1$/);
});

test('the lease of a worker on another host is respected', async () => {
  await using house = await QueueHouse.open();
  const redis = await house.connected('worker');
  await redis.set('{roundhouse}:worker-lease:w1', 'there process 1 alive', 'PX', 15_000);
  await assert.rejects((await lease(house, { place: 'here' })).start(), /there process 1 alive/);
});

test('the kernel gives a lock back when its holder is killed', async () => {
  const name = `test ${process.pid} ${performance.now()}`;
  const program = `
    import { takeKernelLock } from ${JSON.stringify(lockScript)};
    if (await takeKernelLock(${JSON.stringify(name)})) process.stdout.write('held');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  try {
    await once(child.stdout, 'data');
    assert.equal(await takeKernelLock(name), null);
  } finally {
    child.kill('SIGKILL');
    await gone;
  }
  const lock = await takeKernelLock(name);
  assert.ok(lock);
  await lock.release();
});
