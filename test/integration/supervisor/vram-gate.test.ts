import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { killMarked } from '../../helpers/processes.ts';
import { model, projectDir, type TurntableBox, turntableBox } from './turntable-box.ts';

const big = model('big');
const other = model('other');
const gpu = { withGpu: true, settleMs: 10_000 };

function swap({ turntable }: TurntableBox): Promise<void> {
  return turntable.unload(big, 'swap').then(() => turntable.load(other));
}

test('memory that is given back at once lets the next model load', async (t) => {
  const box = await turntableBox(t, { big: { vramMb: 20_000 }, other: { vramMb: 20_000 } }, gpu);
  await box.turntable.load(big);
  await swap(box);
  assert.equal(box.turntable.states().get(other)?.state, 'ready');
  assert.equal(box.events.of('vram.gave-up').length, 0);
});

test('memory that comes back late is waited for', async (t) => {
  const late = { habit: 'late_vram', vramMb: 20_000, args: { late_ms: 600 } };
  const box = await turntableBox(t, { big: late, other: { vramMb: 20_000 } }, gpu);
  await box.turntable.load(big);
  await swap(box);
  assert.equal(box.turntable.states().get(other)?.state, 'ready');
  assert.equal(box.events.of('vram.waiting')[0]?.freeMb, 4_000);
  assert.equal(box.events.of('vram.gave-up').length, 0);
});

test('memory that never comes back is given up, with what is free and who holds it', async (t) => {
  const box = await turntableBox(
    t,
    { big: { habit: 'keep_vram', vramMb: 20_000 }, other: { vramMb: 10_000 } },
    { ...gpu, settleMs: 300 },
  );
  await box.turntable.load(big);
  await assert.rejects(swap(box), (error: { code: string; message: string }) => {
    assert.equal(error.code, 'model_load_failed');
    assert.match(error.message, /needs 10000 MB of GPU memory and 4000 MB are free/);
    assert.match(error.message, /held by big \(pid \d+, 20000 MB\)/);
    return true;
  });
  assert.equal(box.events.of('server.started').length, 1);
  assert.equal(box.turntable.states().get(other)?.failure?.failures, 1);
});

test('a stranger that holds the memory is named and left alone, and its end lets the model load', async (t) => {
  const box = await turntableBox(t, { big: { vramMb: 20_000 } }, { ...gpu, settleMs: 300 });
  const stranger = await startHolder(t, box, {});
  await assert.rejects(box.turntable.load(big), /held by train.py \(pid \d+, 15000 MB\)/);
  assert.equal(stranger.exitCode ?? stranger.signalCode, null);
  stranger.kill('SIGKILL');
  await once(stranger, 'exit');
  await box.turntable.load(big);
});

test('a process of ours that nobody knows any more is ended when its memory is needed', async (t) => {
  const box = await turntableBox(t, { big: { vramMb: 20_000 } }, { ...gpu, settleMs: 300 });
  const leftover = await startHolder(t, box, {
    ROUNDHOUSE_INSTANCE: box.instanceId,
    ROUNDHOUSE_BOOT_ID: 'of-an-earlier-start',
  });
  await box.turntable.load(big);
  assert.equal(leftover.signalCode, 'SIGKILL');
});

test('ending leftovers spares the servers that live', async (t) => {
  const box = await turntableBox(
    t,
    { big: { vramMb: 20_000 }, other: { vramMb: 10_000 } },
    { ...gpu, settleMs: 100 },
  );
  await box.turntable.load(big);
  await assert.rejects(box.turntable.load(other), /held by big/);
  assert.equal(box.turntable.states().get(big)?.state, 'ready');
});

test('an unload calls off a load that waits for memory', async (t) => {
  const box = await turntableBox(t, { big: { vramMb: 20_000 } }, { ...gpu, settleMs: 60_000 });
  await startHolder(t, box, {});
  const failing = assert.rejects(box.turntable.load(big), /unloaded before it was ready/);
  await box.events.next('vram.waiting');
  await box.turntable.unload(big, 'test');
  await failing;
  assert.equal(box.turntable.states().get(big)?.state, 'stopped');
});

test('a GPU that cannot be read holds nothing up', async (t) => {
  const box = await turntableBox(t, { big: { vramMb: 20_000 } }, gpu);
  await writeFile(
    join(box.dir, 'bin', 'nvidia-smi'),
    '#!/bin/sh\necho NVML: Driver/library mismatch\nexit 18\n',
  );
  await box.turntable.load(big);
  await rm(join(box.dir, 'bin', 'nvidia-smi'));
  await box.turntable.unload(big, 'test');
  await box.turntable.load(big);
});

/** A process that holds 15 GB on paper; with our marker in `env` it is one of ours. */
async function startHolder(
  t: TestContext,
  box: TurntableBox,
  env: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  const source = `import time; from ledger import hold; hold(${JSON.stringify(box.ledger)}, 15000, name="train.py"); print("held", flush=True); time.sleep(1000)`;
  const child = spawn('python3', ['-c', source], {
    cwd: join(projectDir, 'test/stand-ins'),
    env: { PATH: process.env.PATH, HOLDER_OF: box.dir, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => killMarked(box.dir));
  await once(child.stdout, 'data');
  return child;
}
