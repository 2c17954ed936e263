import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Box } from '../helpers/orchestrator.ts';
import { standInModels } from '../helpers/stand-in-models.ts';

const chat = standInModels([{ id: 'chat' }]);
const messages = [{ role: 'user', content: 'hello' }];

test('a second orchestrator on a data folder refuses in one line with code 75, and the first serves on', async () => {
  await using box = await Box.create();
  const first = await box.start({ models: chat });
  const second = await box.spawn({ models: chat, env: { ROUNDHOUSE_RUNTIME: join(box.dir, 'run2') } });
  const exit = once(second.child, 'exit');
  const { message } = await second.next('system.fault', { where: 'start' });
  assert.match(
    String(message),
    new RegExp(`^Process ${first.pid} already runs Roundhouse on .*ROUNDHOUSE_DATA.*$`),
  );
  assert.deepEqual(await exit, [75, null]);
  const answer = await first.json<{ object: string }>('/v1/chat/completions', { model: 'chat', messages });
  assert.equal(answer.object, 'chat.completion');
  assert.equal(await first.stop(), 0);
  assert.deepEqual(await box.survivors(), []);
});

test('a worker on the data folder of a whole house refuses: it would end the model servers of that', async () => {
  await using box = await Box.create();
  const whole = await box.start({ models: chat });
  const env = { ROUNDHOUSE_RUNTIME: join(box.dir, 'run2'), REDIS_URL: join(box.dir, 'no.sock') };
  const worker = await box.spawn({ models: chat, role: 'worker', env });
  const exit = once(worker.child, 'exit');
  const { message } = await worker.next('system.fault', { where: 'start' });
  assert.match(String(message), new RegExp(`^Process ${whole.pid} already runs Roundhouse on `));
  assert.deepEqual(await exit, [75, null]);
  assert.equal(await whole.stop(), 0);
});

test('what is odd about a models file is told at start, and it is used', async () => {
  await using box = await Box.create();
  const house = await box.start({ models: standInModels([{ id: 'chat' }], { vram_gb: 24 }) });
  const { warnings } = await house.next('registry.warned');
  assert.match(
    String(warnings),
    /models\.yaml:\d+: model "chat" names no vram_gb.* Write for example: vram_gb: 6$/,
  );
  const answer = await house.json<{ object: string }>('/v1/chat/completions', { model: 'chat', messages });
  assert.equal(answer.object, 'chat.completion');
  assert.equal(await house.stop(), 0);
});

test('a model whose Python environment is missing says what to run', async () => {
  await using box = await Box.create();
  const folder = join(box.dir, 'lonely');
  await mkdir(folder);
  await writeFile(join(folder, 'requirements.txt'), 'a-package-that-nobody-installed\n');
  await writeFile(join(folder, 'server.py'), 'import a_package_that_nobody_installed\n');
  const models = standInModels([{ id: 'chat', more: { service_script: join(folder, 'server.py') } }]);
  const house = await box.start({ models });
  const { error } = await house.json<{ error: { code: string; message: string } }>('/v1/chat/completions', {
    model: 'chat',
    messages,
  });
  assert.equal(error.code, 'model_load_failed');
  assert.match(error.message, /environment \.venvs\/lonely is missing: run scripts\/install\.sh\n/);
  assert.equal(await house.stop(), 0);
});

test('a sync call for a model that does not start ends after two starts and says when the next one comes', async () => {
  await using box = await Box.create();
  const house = await box.start({ models: standInModels([{ id: 'broken', args: { habit: 'exit0' } }]) });
  const call = () =>
    house.fetch('/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify({ model: 'broken', messages }),
    });
  for (let at = 0; at < 2; at++) {
    const beganS = Date.now() / 1000;
    const response = await call();
    assert.equal(response.status, 503);
    const { failure } = await house.json<{ failure: { failures: number; blocked_until: number } }>(
      '/v1/models/broken',
    );
    assert.equal(failure.failures, 2);
    const tellsS = Number(response.headers.get('retry-after'));
    const [earliestS, latestS] = [beganS + tellsS - 1.5, Date.now() / 1000 + tellsS + 1.5];
    assert.ok(failure.blocked_until >= earliestS && failure.blocked_until <= latestS, `${tellsS} s`);
  }
  assert.equal(house.events.of('server.started').length, 2);
  assert.equal(await house.stop(), 0);
});
