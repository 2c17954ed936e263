import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ModelFigures } from '../../../bench/gpu/measure.ts';
import { projectDir } from '../../../bench/lib/processes.ts';
import { standInModels } from '../../helpers/stand-in-models.ts';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `bench:gpu` as an operator runs it. */
function bench(env: Readonly<Record<string, string>>, args: readonly string[]): Promise<Ended> {
  const script = join(projectDir, 'bench/gpu.ts');
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env, timeout: 120_000 }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

test('on a GPU of paper the bench tells what models hold ready, asleep and after their end', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'rh-bg-'));
  t.after(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  const [bin, ledger, models] = [join(dir, 'bin'), join(dir, 'ledger'), join(dir, 'models.yaml')];
  await Promise.all([mkdir(bin), mkdir(ledger)]);
  const player = join(projectDir, 'test/stand-ins/nvidia_smi.py');
  await writeFile(join(bin, 'nvidia-smi'), `#!/bin/sh\nexec python3 '${player}' '${ledger}' "$@"\n`);
  await chmod(join(bin, 'nvidia-smi'), 0o755);
  const args = { ledger, vram_mb: 8000 };
  const more = { sleep: true, vram_gb: 8, sleep_ram_gb: 0.1 };
  const standIns = [
    { id: 'sleeper', args: { ...args, can_sleep: true }, more },
    { id: 'waker', endpoint: '/v1/waker', args, more },
  ];
  await writeFile(models, standInModels(standIns));
  const env = { PATH: `${bin}:${process.env.PATH}`, HOME: dir, ROUNDHOUSE_MODELS: models };
  const { code, stdout, stderr } = await bench(env, ['--rounds', '1', '--json']);
  assert.equal(code, 0, stderr);
  const { sleeper, waker } = JSON.parse(stdout) as Record<string, ModelFigures>;
  const memory = (of?: ModelFigures) => [of?.before_mb, of?.resident_mb, of?.asleep_mb, of?.after_mb];
  assert.deepEqual(memory(sleeper), [0, 8000, 0, 0]);
  assert.ok(Number(sleeper?.wake_s) > 0 && Number(sleeper?.stop_s) > 0);
  assert.deepEqual(memory(waker), [0, 8000, null, 0]);
  assert.match(String(waker?.sleepless), /does not offer sleep/);
});

test('without a GPU it says so, and measures nothing', async () => {
  const { code, stderr } = await bench({ PATH: '/usr/bin:/bin', HOME: tmpdir() }, []);
  assert.equal(code, 2);
  assert.match(stderr, /There is no GPU here/);
});
