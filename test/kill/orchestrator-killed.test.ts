import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Journal } from '../helpers/journal.ts';
import { Box, type Orchestrator } from '../helpers/orchestrator.ts';
import { standInModels } from '../helpers/stand-in-models.ts';
import { type ClientHistory, violations } from './history-checker.ts';
import { type KillPoint, killPoints } from './kill-points.ts';

/** `kill -9` of the orchestrator at every point that matters: once in CI, ROUNDHOUSE_KILL_ROUNDS times by hand. */
const rounds = Number(process.env.ROUNDHOUSE_KILL_ROUNDS ?? 1);
const loadMs = 300;
const restartLimitMs = 5000;
/** For a machine that pauses or is slow meanwhile. */
const allowanceMs = 15_000;

for (const point of killPoints) {
  describe(`killed while ${point.name}`, () => {
    for (let round = 1; round <= rounds; round++) {
      test(`no job is lost, doubled or run twice at once (round ${round})`, () => killAndCheck(point));
    }
  });
}

async function killAndCheck(point: KillPoint): Promise<void> {
  await using box = await Box.create();
  const journal = await Journal.create(join(box.dir, 'journal'));
  const models = modelsFile(journal.path);
  const first = await box.start({ models });
  const acked: string[] = [];
  await point.arrive({ box, house: first, journal, submit: (model) => submit(first, model, acked) });
  await first.kill();
  await noServerLives(box);

  const startedAtMs = performance.now();
  const second = await box.start({ models });
  await point.revive?.(second);
  await runsAgain(second, startedAtMs);
  const client = await historyOf(second, acked);
  assert.deepEqual(violations(client, await journal.entries()), []);
  assert.deepEqual(
    client.jobs.map(({ status }) => status),
    acked.map(() => 'completed'),
  );
  assert.equal(await second.stop(), 0);
  assert.deepEqual(await box.survivors(), []);
}

async function submit(house: Orchestrator, model: string, acked: string[]): Promise<string> {
  const input =
    model === 'chat' ? { messages: [{ role: 'user', content: 'hello' }] } : { input: 'hello', voice: 'x' };
  const response = await house.fetch('/jobs', { method: 'POST', body: JSON.stringify({ model, input }) });
  assert.equal(response.status, 202);
  const { id } = (await response.json()) as { id: string };
  acked.push(id);
  return id;
}

/** The launcher ends a server's whole tree when its owner dies; a survivor would keep the GPU. */
async function noServerLives(box: Box): Promise<void> {
  const giveUpAt = performance.now() + 10_000;
  for (;;) {
    const survivors = await box.survivors();
    if (survivors.length === 0) return;
    assert.ok(performance.now() < giveUpAt, `still alive: ${survivors.join(', ')}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Promised: a job runs within 5 s of the restart plus the model's load. */
async function runsAgain(house: Orchestrator, startedAtMs: number): Promise<void> {
  await house.next('job.started');
  const tookMs = performance.now() - startedAtMs;
  assert.ok(
    tookMs < restartLimitMs + loadMs + allowanceMs,
    `a job ran again only after ${Math.round(tookMs)} ms`,
  );
}

async function historyOf(house: Orchestrator, acked: readonly string[]): Promise<ClientHistory> {
  const jobs = await Promise.all(
    acked.map((id) => house.json<{ id: string; status: string; attempts: number }>(`/jobs/${id}?wait=30`)),
  );
  const { data } = await house.json<{ data: { type: string; job_id: string }[] }>(
    '/admin/history?kind=jobs&limit=100',
  );
  const settled = data.filter(({ type }) => type === 'job.settled').map((entry) => entry.job_id);
  assert.ok(settled.length >= acked.length, 'the history tells of every end');
  return { acked, jobs, settled };
}

function modelsFile(journal: string): string {
  const args = { journal, load_ms: loadMs, tokens: 20, token_ms: 30 };
  const models = [
    { id: 'chat', args },
    { id: 'voice', type: 'speech', args },
  ] as const;
  return standInModels(models, { scheduler: { key_window_alone_jobs: 2, key_window_shared_jobs: 2 } });
}
