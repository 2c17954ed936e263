import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Journal } from '../helpers/journal.ts';
import { Box, type Orchestrator } from '../helpers/orchestrator.ts';
import { processOf } from '../helpers/processes.ts';
import { ask, untilWritten } from '../helpers/redis.ts';
import { standInModels } from '../helpers/stand-in-models.ts';

interface Job {
  readonly id: string;
  readonly status: string;
  readonly attempts: number;
}

const hello = { messages: [{ role: 'user', content: 'hello' }] };

const submit = (house: Orchestrator, model: string): Promise<Job> =>
  house.json('/jobs', { model, input: hello });
const ended = (house: Orchestrator, { id }: Job): Promise<Job> => house.json(`/jobs/${id}?wait=60`);

test('a model server that is killed in the middle of a job: it is retried once and the next ones run', async () => {
  await using box = await Box.create();
  const journal = await Journal.create(join(box.dir, 'journal'));
  const args = { journal: journal.path, tokens: 100, token_ms: 20 };
  const house = await box.start({ models: standInModels([{ id: 'chat', args }]) });
  const jobs = [await submit(house, 'chat'), await submit(house, 'chat'), await submit(house, 'chat')];
  const { pid, job } = await journal.until(({ event }) => event === 'first_token');
  process.kill(pid, 'SIGKILL');
  const results = await Promise.all(jobs.map((each) => ended(house, each)));
  assert.deepEqual(
    results.map(({ status, attempts }) => [status, attempts]),
    jobs.map(({ id }) => ['completed', id === job ? 2 : 1]),
  );
  assert.equal(await house.stop(), 0);
});

test('a job that kills its server each time fails after two starts, and the next one runs', async () => {
  await using box = await Box.create();
  const args = { habit: 'crash_mid_stream', when: 'poison', tokens: 4 };
  const house = await box.start({ models: standInModels([{ id: 'chat', args }]) });
  const poison = { messages: [{ role: 'user', content: 'poison' }] };
  const bad = await house.json<Job>('/jobs', { model: 'chat', input: poison });
  const good = await submit(house, 'chat');
  const failed = await house.json<Job & { error: { code: string } }>(`/jobs/${bad.id}?wait=60`);
  assert.deepEqual([failed.status, failed.attempts, failed.error.code], ['failed', 2, 'model_crashed']);
  assert.equal((await ended(house, good)).status, 'completed');
  assert.equal(await house.stop(), 0);
});

test('the private Redis that is killed is started again, and nothing queued is lost', async () => {
  await using box = await Box.create();
  const args = { tokens: 10, token_ms: 20 };
  const house = await box.start({ models: standInModels([{ id: 'chat', args }]) });
  const jobs = await Promise.all(Array.from({ length: 5 }, () => submit(house, 'chat')));
  await house.next('job.started');
  const { socket } = await house.next('redis.started');
  await ask(String(socket), untilWritten);
  process.kill(await processOf(box.dir, /(redis|valkey)-server$/), 'SIGKILL');
  await house.next('redis.exited');
  await house.next('redis.back');
  const results = await Promise.all(jobs.map((each) => ended(house, each)));
  assert.deepEqual(
    results.map(({ status }) => status),
    jobs.map(() => 'completed'),
  );
  assert.equal(
    (await house.json<{ object: string }>('/v1/chat/completions', { model: 'chat', ...hello })).object,
    'chat.completion',
  );
  assert.equal(await house.stop(), 0);
});
