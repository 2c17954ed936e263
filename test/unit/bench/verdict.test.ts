import assert from 'node:assert/strict';
import { appendFile } from 'node:fs/promises';
import { test } from 'node:test';
import { judge } from '../../../bench/replay/verdict.ts';
import { asJobId, type JobId } from '../../../src/contracts/ids.ts';
import type { JobStatus } from '../../../src/contracts/job.ts';
import { aRecord } from '../../fakes/a-record.ts';
import { TempDir } from '../../helpers/temp-dir.ts';

const [good, gone, stuck, twice] = ['job_1', 'job_2', 'job_3', 'job_4'].map(asJobId) as [
  JobId,
  JobId,
  JobId,
  JobId,
];
const statuses = new Map<JobId, JobStatus>([
  [good, 'completed'],
  [stuck, 'in_progress'],
  [twice, 'completed'],
]);
const store = {
  async find(id: JobId) {
    const status = statuses.get(id);
    return status === undefined ? null : aRecord({ id, status });
  },
};

async function judged(acked: readonly JobId[], ran: readonly JobId[], settled: readonly JobId[]) {
  await using dir = await TempDir.create();
  for (const job of ran)
    for (const event of ['gen_start', 'gen_end'])
      await appendFile(dir.path('all.jsonl'), `${JSON.stringify({ event, job, attempt: 1 })}\n`);
  return judge(store, dir.dir, acked, settled);
}

test('a job that ran once and completed is neither lost nor doubled', async () => {
  assert.deepEqual(await judged([good], [good], [good]), { lost: 0, doubled: 0, problems: [] });
});

test('a job without a record, one that did not end and one that never ran are lost', async () => {
  const { lost, doubled, problems } = await judged([good, gone, stuck], [stuck], [good]);
  assert.deepEqual({ lost, doubled }, { lost: 3, doubled: 0 });
  assert.ok(problems.includes(`${gone} was accepted and is lost`));
});

test('a job that a model server generated twice is doubled, and so is one that ended twice', async () => {
  const ran = await judged([twice], [twice, twice], [twice]);
  const ended = await judged([twice], [twice], [twice, twice]);
  assert.deepEqual([ran.doubled, ended.doubled], [1, 1]);
  assert.ok(ended.problems.includes(`${twice} reached a terminal state twice`));
});
