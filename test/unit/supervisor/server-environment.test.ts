import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BootId } from '../../../src/contracts/ids.ts';
import type { ModelSpec } from '../../../src/contracts/model.ts';
import { serverEnvironment } from '../../../src/supervisor/server-environment.ts';

const spec = {
  id: 'm1',
  port: 8001,
  args: { n_ctx: 2048 },
  deadlines: { stopGraceMs: 10_000 },
} as unknown as ModelSpec;
const identity = {
  spec,
  bootId: 'b1' as BootId,
  instanceId: 'i1',
  projectDir: '/opt/roundhouse',
  socketPath: '/run/b1.sock',
  libraryDir: null,
  weightsDir: null,
};

test('a server is told who it is and where to listen', () => {
  const env = serverEnvironment({}, identity);
  assert.equal(env.ROUNDHOUSE_BOOT_ID, 'b1');
  assert.equal(env.ROUNDHOUSE_INSTANCE, 'i1');
  assert.equal(env.ROUNDHOUSE_MODEL, 'm1');
  assert.equal(env.ROUNDHOUSE_ARGS, '{"n_ctx":2048}');
  assert.equal(env.ROUNDHOUSE_SOCKET, '/run/b1.sock');
  assert.equal(env.ROUNDHOUSE_SERVICE_PORT, undefined);
  assert.equal(env.PYTHONPATH, '/opt/roundhouse/gpu-services');
});

test('a server with a port is told the port and no socket', () => {
  const env = serverEnvironment({}, { ...identity, socketPath: null });
  assert.equal(env.ROUNDHOUSE_SERVICE_PORT, '8001');
  assert.equal(env.ROUNDHOUSE_SOCKET, undefined);
});

test('it ends by itself a second before it would be killed', () => {
  assert.equal(serverEnvironment({}, identity).ROUNDHOUSE_GRACE_SECONDS, '9');
  const hasty = { ...spec, deadlines: { ...spec.deadlines, stopGraceMs: 1_000 } };
  assert.equal(serverEnvironment({}, { ...identity, spec: hasty }).ROUNDHOUSE_GRACE_SECONDS, '0.5');
});

test('secrets and what means other programs stay here; the rest of the machine is seen', () => {
  const kept = {
    PATH: '/bin',
    HOME: '/root',
    CUDA_VISIBLE_DEVICES: '0',
    HF_HOME: '/hf',
    MONKEY: 'yes',
    LANG: 'C',
  };
  const secret = {
    ROUNDHOUSE_API_KEYS: 'x',
    ROUNDHOUSE_DATA: 'x',
    REDIS_URL: 'x',
    RUNPOD_API_KEY: 'x',
    RUNPOD_POD_ID: 'x',
    HF_TOKEN: 'x',
    HUGGING_FACE_HUB_TOKEN: 'x',
    OPENAI_API_KEY: 'x',
    AWS_SECRET_ACCESS_KEY: 'x',
    DB_PASSWORD: 'x',
    NODE_OPTIONS: 'x',
    npm_config_cache: 'x',
    VIRTUAL_ENV: 'x',
  };
  const env = serverEnvironment({ ...kept, ...secret }, identity);
  for (const [name, value] of Object.entries(kept)) assert.equal(env[name], value, name);
  for (const name of Object.keys(secret)) assert.equal(env[name], undefined, name);
});

test('a server finds its weights offline, unless its entry allows downloads', () => {
  const env = serverEnvironment({}, identity);
  assert.equal(env.HF_HUB_OFFLINE, '1');
  assert.equal(env.TRANSFORMERS_OFFLINE, '1');
  const allowed = { ...spec, args: { allow_downloads: true } };
  const online = serverEnvironment({ HF_TOKEN: 'x', HF_TOKEN_PATH: 'x' }, { ...identity, spec: allowed });
  assert.equal(online.HF_HUB_OFFLINE, undefined);
  assert.equal(online.TRANSFORMERS_OFFLINE, undefined);
  assert.equal(online.HF_TOKEN, undefined);
  assert.equal(online.HF_TOKEN_PATH, undefined);
});

test('unpacked libraries come first in the path of the loader', () => {
  const base = { LD_LIBRARY_PATH: '/usr/local/cuda/lib64' };
  const env = serverEnvironment(base, { ...identity, libraryDir: '/opt/roundhouse/.runtime/lib' });
  assert.equal(env.LD_LIBRARY_PATH, '/opt/roundhouse/.runtime/lib:/usr/local/cuda/lib64');
  assert.equal(serverEnvironment(base, identity).LD_LIBRARY_PATH, '/usr/local/cuda/lib64');
});

test('a server is told that it is to sleep, and otherwise nothing of it', () => {
  const told = (sleep: boolean) =>
    serverEnvironment({}, { ...identity, spec: { ...spec, sleep } }).ROUNDHOUSE_SLEEP;
  assert.deepEqual([told(true), told(false)], ['1', undefined]);
});

test('a server looks for weights where it is told, else where the machine says', () => {
  const told = (weightsDir: string | null) =>
    serverEnvironment({ HF_HOME: '/theirs' }, { ...identity, weightsDir }).HF_HOME;
  assert.deepEqual([told('/ours'), told(null)], ['/ours', '/theirs']);
});
