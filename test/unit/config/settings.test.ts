import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, formatProblem } from '../../../src/config/problem.ts';
import { type Machine, parseSettings } from '../../../src/config/settings.ts';

const machine: Machine = { hostName: 'box.example', userId: 1000, hasGpu: false };
const parse = (env: Record<string, string>, facts: Partial<Machine> = {}) =>
  parseSettings(env, '/srv/roundhouse', { ...machine, ...facts });

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    parse(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.split('\n');
  }
  return assert.fail('there was no problem');
}

test('an empty environment gives a server on loopback with its data in the project folder', () => {
  const settings = parse({});
  assert.equal(settings.host, '127.0.0.1');
  assert.equal(settings.port, 9000);
  assert.equal(settings.role, 'all');
  assert.equal(settings.dataDir, '/srv/roundhouse/.roundhouse');
  assert.equal(settings.modelsPath, '/srv/roundhouse/models.cpu.yaml');
  assert.equal(settings.workerName, 'box.example');
  assert.equal(settings.redisUrl, null);
  assert.equal(settings.syncMaxWaitMs, 280_000);
  assert.deepEqual(settings.warnings, []);
});

test('a machine with a GPU gets the GPU models, unless another file is named', () => {
  assert.equal(parse({}, { hasGpu: true }).modelsPath, '/srv/roundhouse/models.yaml');
  const named = parse({ ROUNDHOUSE_MODELS: 'my.yaml' }, { hasGpu: true });
  assert.equal(named.modelsPath, '/srv/roundhouse/my.yaml');
});

test('two data folders have two runtime folders, the same one at each start', () => {
  const one = parse({ ROUNDHOUSE_DATA: '/data/one' }).runtimeDir;
  assert.equal(parse({ ROUNDHOUSE_DATA: '/data/one' }).runtimeDir, one);
  assert.notEqual(parse({ ROUNDHOUSE_DATA: '/data/two' }).runtimeDir, one);
  assert.match(one, /^\/tmp\/roundhouse-1000-[0-9a-f]{8}$/);
});

test('a value that is there but empty counts as not set', () => {
  assert.equal(parse({ ROUNDHOUSE_PORT: '', ROUNDHOUSE_API_KEYS: ' ' }).port, 9000);
});

test('values are taken as they are meant: seconds become ms, lists are split, paths absolute', () => {
  const digest = `sha256:${'ab'.repeat(32)}`;
  const settings = parse({
    ROUNDHOUSE_PORT: '0',
    ROUNDHOUSE_SYNC_MAX_WAIT_S: '1.5',
    ROUNDHOUSE_DISCONNECT_GRACE_S: '0',
    ROUNDHOUSE_API_KEYS: ` a-key-of-20-characters , ${digest}`,
    ROUNDHOUSE_PUBLIC_URL: 'https://models.example.org/',
    REDIS_URL: 'unix:///run/redis.sock',
    ROUNDHOUSE_ROLE: 'worker',
    ROUNDHOUSE_MAX_MEMORY_MB: '64',
  });
  assert.equal(settings.port, 0);
  assert.equal(settings.syncMaxWaitMs, 1500);
  assert.equal(settings.disconnectGraceMs, 0);
  assert.deepEqual(settings.apiKeys, ['a-key-of-20-characters', digest]);
  assert.equal(settings.publicUrl, 'https://models.example.org');
  assert.equal(settings.role, 'worker');
  assert.equal(settings.redisMaxMemoryMb, 64);
});

test('all problems are told at once, each with its variable and a way out', () => {
  const problems = problemsOf({
    ROUNDHOUSE_PORT: '70000',
    ROUNDHOUSE_ROLE: 'both',
    ROUNDHOUSE_SYNC_MAX_WAIT_S: 'soon',
    ROUNDHOUSE_PUBLIC_URL: 'ftp://x',
    REDIS_URL: 'localhost:6379',
    ROUNDHOUSE_RUNTIME: `/${'x'.repeat(70)}`,
    ROUNDHOUSE_HOST: 'http://0.0.0.0',
  });
  assert.equal(problems.length, 7);
  assert.ok(
    problems.includes(
      'ROUNDHOUSE_PORT: "70000" is not a whole number from 0 to 65535. Leave it unset for the default (9000).',
    ),
    problems.join('\n'),
  );
  for (const name of ['ROLE', 'SYNC_MAX_WAIT_S', 'PUBLIC_URL', 'RUNTIME', 'HOST'])
    assert.ok(
      problems.some((line) => line.startsWith(`ROUNDHOUSE_${name}: `)),
      name,
    );
});

test('a wrong key or Redis address is not repeated in the message', () => {
  const problems = problemsOf({
    ROUNDHOUSE_API_KEYS: 'sha256:secret-secret-secret',
    REDIS_URL: 'my-password@host',
  });
  assert.equal(problems.length, 2);
  assert.doesNotMatch(problems.join('\n'), /secret-secret|my-password/);
});

test('short keys are refused', () => {
  assert.match(problemsOf({ ROUNDHOUSE_API_KEYS: 'abc' }).join(), /key 1 shorter than 16/);
});

for (const role of ['api', 'worker'])
  test(`role ${role} without REDIS_URL is refused with what to set`, () => {
    const [problem, ...others] = problemsOf({ ROUNDHOUSE_ROLE: role });
    assert.deepEqual(others, []);
    assert.match(problem ?? '', new RegExp(`^REDIS_URL: role ${role} .* Set REDIS_URL=`));
  });

test('a name that looks like a setting and is none is told, with the one that was meant', () => {
  const { warnings } = parse({ ROUNDHOUSE_PROT: '1', ROUNDHOUSE_SOMETHING_ELSE: '1', OTHER: '1' });
  assert.deepEqual(warnings.map(formatProblem), [
    'ROUNDHOUSE_PROT: there is no such setting; it is ignored. Did you mean ROUNDHOUSE_PORT?',
    'ROUNDHOUSE_SOMETHING_ELSE: there is no such setting; it is ignored. "roundhouse help" lists them all.',
  ]);
});

test('a host name that cannot be a worker name is made into one', () => {
  assert.equal(parse({}, { hostName: 'a b/c' }).workerName, 'a-b-c');
  assert.equal(parse({}, { hostName: '' }).workerName, 'worker');
});

test('sizes of files are bytes inside, and the halves of one box have a port each', () => {
  const { uploadMaxBytes, artifactsMaxBytes, artifactPort } = parse({});
  assert.deepEqual([uploadMaxBytes, artifactsMaxBytes, artifactPort], [52_428_800, 53_687_091_200, 9001]);
  const env = { ROUNDHOUSE_UPLOAD_MAX_MB: '2', ROUNDHOUSE_ARTIFACTS_MAX_GB: '1', ROUNDHOUSE_ROLE: 'api' };
  const set = parse({ ...env, REDIS_URL: 'redis://box' });
  const { uploadMaxBytes: upload, artifactsMaxBytes: artifacts, artifactPort: port } = set;
  assert.deepEqual([upload, artifacts, port], [2_097_152, 1_073_741_824, 9002]);
  assert.match(problemsOf({ ROUNDHOUSE_UPLOAD_MAX_MB: '0' }).join(), /from 1 to 4096/);
});
