import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Journal } from '../helpers/journal.ts';
import { Box, type Orchestrator } from '../helpers/orchestrator.ts';
import { standInModels } from '../helpers/stand-in-models.ts';

interface Job {
  readonly id: string;
  readonly status: string;
  readonly queue_position: number | null;
  readonly estimated_start_at: number | null;
}

const keys = { z: 'a-key-that-floods-the-lane', b: 'a-key-with-one-job' } as const;
const most = 8;

const as = (key: string) => ({ authorization: `Bearer ${key}` });

async function submit(house: Orchestrator, key: string): Promise<Job> {
  const input = { messages: [{ role: 'user', content: 'hello' }] };
  const body = JSON.stringify({ model: 'chat', input });
  const response = await house.fetch('/jobs', { method: 'POST', headers: as(key), body });
  assert.equal(response.status, 202);
  return (await response.json()) as Job;
}

const read = async <Body>(house: Orchestrator, path: string, key: string): Promise<Body> =>
  (await (await house.fetch(path, { headers: as(key) })).json()) as Body;

/** As the client hears of it, over restarts. */
async function ended(house: Orchestrator, { id }: Job, key: string): Promise<Job> {
  for (;;) {
    const job = await read<Job>(house, `/jobs/${id}?wait=60`, key);
    if (job.status !== 'queued' && job.status !== 'in_progress') return job;
  }
}

test("a key that floods a lane delays another key's job by a window of its jobs, and kill -9 in between loses none", async () => {
  await using box = await Box.create();
  const journal = await Journal.create(join(box.dir, 'journal'));
  const args = { journal: journal.path, tokens: 2, token_ms: 20 };
  const models = standInModels([{ id: 'chat', args }], {
    scheduler: { key_window_alone_jobs: most, key_window_shared_jobs: 3 },
  });
  const env = { ROUNDHOUSE_API_KEYS: Object.values(keys).join(',') };
  const house = await box.start({ models, env });
  await house.fetch('/admin/models/chat/pause', { method: 'POST', headers: as(keys.b) });

  const flood: Job[] = [];
  for (let at = 0; at < 60; at++) flood.push(await submit(house, keys.z));
  const job = await submit(house, keys.b);
  const [last] = flood.slice(-1) as [Job];
  assert.equal((await read<Job>(house, `/jobs/${job.id}`, keys.b)).queue_position, most + 1);
  const far = await read<Job>(house, `/jobs/${last.id}`, keys.z);
  assert.equal(far.queue_position, 61);
  assert.ok(far.estimated_start_at !== null);
  const { data } = await read<{ data: { model: string; jobs: unknown }[] }>(house, '/v1/queue', keys.b);
  assert.deepEqual(data.find(({ model }) => model === 'chat')?.jobs, { queued: 61, in_progress: 0 });

  await house.fetch('/admin/models/chat/resume', { method: 'POST', headers: as(keys.b) });
  await journal.until(({ event, job: id }) => event === 'gen_end' && id === flood[3]?.id);
  await house.kill();
  const again = await box.start({ models, env });
  const ends = await Promise.all(flood.map((each) => ended(again, each, keys.z)));
  assert.deepEqual(
    new Set([...ends, await ended(again, job, keys.b)].map(({ status }) => status)),
    new Set(['completed']),
  );

  const entries = await journal.entries();
  const starts = entries.filter(({ event }) => event === 'gen_start').map((entry) => entry.job);
  const order = [...new Set(starts)];
  assert.equal(order.indexOf(job.id), most);
  assert.deepEqual(
    order.filter((id) => id !== job.id),
    flood.map(({ id }) => id),
  );
  const finished = entries.filter(({ event }) => event === 'gen_end').map((entry) => entry.job);
  assert.ok(finished.length - new Set(finished).size <= 1, 'only what ran at the kill may run again');
  assert.equal(await again.stop(), 0);
  assert.deepEqual(await box.survivors(), []);
});
