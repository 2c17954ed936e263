import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Box, type Orchestrator } from '../helpers/orchestrator.ts';
import { processesMarked } from '../helpers/processes.ts';
import { standInModels } from '../helpers/stand-in-models.ts';

const models = standInModels([
  { id: 'chat', concurrency: 20, args: { tokens: 3000, token_ms: 50 } },
  { id: 'other' },
]);
const input = { messages: [{ role: 'user', content: 'hello' }] };

async function busy(house: Orchestrator): Promise<{ streams: Promise<string>[]; queued: string[] }> {
  const body = JSON.stringify({ model: 'chat', stream: true, ...input });
  const responses = await Promise.all(
    Array.from({ length: 20 }, () => house.fetch('/v1/chat/completions', { method: 'POST', body })),
  );
  const jobs = await Promise.all(
    Array.from({ length: 20 }, () => house.json<{ id: string }>('/jobs', { model: 'other', input })),
  );
  return {
    streams: responses.map((response) => response.text().catch(() => 'cut')),
    queued: jobs.map(({ id }) => id),
  };
}

test('a second SIGTERM ends it at once: no process is left, and what was queued runs after the next start', async () => {
  await using box = await Box.create();
  const first = await box.start({ models });
  const { streams, queued } = await busy(first);
  const exit = once(first.child, 'exit');
  first.child.kill('SIGTERM');
  await first.next('system.stopping');
  first.child.kill('SIGTERM');
  assert.deepEqual(await exit, [null, 'SIGKILL']);
  assert.deepEqual(new Set(await Promise.all(streams)), new Set(['cut']));
  while ((await processesMarked(box.dir)).length > 0) await new Promise(setImmediate);
  const second = await box.start({ models });
  const ends = await Promise.all(queued.map((id) => second.json<{ status: string }>(`/jobs/${id}?wait=60`)));
  assert.deepEqual(
    ends.map(({ status }) => status),
    queued.map(() => 'completed'),
  );
  assert.equal(await second.stop(), 0);
  assert.deepEqual(await box.survivors(), []);
});

test('SIGTERM while a model loads ends its server with it, and its job still waits after the next start', async () => {
  await using box = await Box.create();
  const text = standInModels([{ id: 'slow', args: { habit: 'hang_load' } }]);
  const first = await box.start({ models: text });
  const { id } = await first.json<{ id: string }>('/jobs', { model: 'slow', input });
  await first.next('server.started');
  assert.equal(await first.stop(), 0);
  assert.deepEqual(await box.survivors(), []);
  const second = await box.start({ models: text });
  const job = await second.json<{ status: string; attempts: number }>(`/jobs/${id}`);
  assert.deepEqual([job.status, job.attempts], ['queued', 0]);
  assert.equal(await second.stop(), 0);
});
