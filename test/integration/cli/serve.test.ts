import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCli } from './run-cli.ts';

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'rh-cli-'));
});
after(() => rm(dir, { recursive: true }));

const serve = (env: Record<string, string>, ...args: string[]) =>
  runCli(['serve', ...args], {
    ROUNDHOUSE_DATA: join(dir, 'data'),
    ROUNDHOUSE_RUNTIME: join(dir, 'run'),
    ...env,
  });

for (const role of ['api', 'worker'])
  test(`serve --role ${role} without REDIS_URL refuses with what to set, and touches nothing`, async () => {
    const { code, out, err } = await serve({}, '--role', role);
    assert.equal(out, '');
    assert.match(err, new RegExp(`^REDIS_URL: error: role ${role} shares a Redis`));
    assert.equal(code, 78);
    assert.deepEqual(await readdir(dir), []);
  });

test('serve with a broken models file prints all its problems and does not start', async () => {
  const path = join(dir, 'broken.yaml');
  await writeFile(path, 'models:\n  a:\n    type: txt\n  b:\n');
  const { code, err } = await serve({ ROUNDHOUSE_MODELS: path });
  assert.match(err, /broken\.yaml:3: error: model "a": "type" must be one of/);
  assert.match(err, /broken\.yaml:4: error: model "b" must be a map/);
  assert.equal(code, 78);
});

test('serve does not start models whose services are not there', async () => {
  const path = join(dir, 'missing.yaml');
  const entry = {
    type: 'text',
    service_script: 'gpu-services/nowhere/server.py',
    endpoint: '/v1/chat/completions',
  };
  await writeFile(path, JSON.stringify({ models: { a: entry } }));
  const { code, err } = await serve({ ROUNDHOUSE_MODELS: path });
  assert.match(err, /missing\.yaml:\d+: error: .* no file gpu-services\/nowhere\/server\.py/);
  assert.equal(code, 78);
});

test('serve tells of a setting that is none, with the one that was meant', async () => {
  const { err } = await serve({ ROUNDHOUSE_MODELS: join(dir, 'nowhere.yaml'), ROUNDHOUSE_PROT: '9001' });
  assert.match(
    err,
    /^ROUNDHOUSE_PROT: warning: there is no such setting; it is ignored\.\n {4}Did you mean ROUNDHOUSE_PORT\?/,
  );
});
