import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type JobJson, jobJson } from '../../../src/cli/job-json.ts';
import { plain } from '../../../src/cli/terminal.ts';
import { renderJob, renderJobs } from '../../../src/cli/views/jobs-view.ts';

const nowMs = new Date(2026, 10, 24, 14, 3, 20).getTime();
const nowS = nowMs / 1000;
const options = { nowMs, columns: 120, paint: plain };

const job = (more: Partial<JobJson>): JobJson =>
  jobJson.parse({ id: 'job_01K', status: 'queued', model: 'flux', created_at: nowS - 65, ...more });

const jobs = [
  job({ queue_position: 3 }),
  job({ status: 'in_progress', started_at: nowS - 5, progress: 40 }),
  job({ status: 'in_progress', phase: 'loading_model' }),
  job({
    status: 'completed',
    started_at: nowS - 60,
    completed_at: nowS - 50,
    metrics: { queue_ms: 3012, load_ms: 2000, execution_ms: 9800 },
  }),
  job({ status: 'failed', error: { message: 'no', code: 'model_crashed' }, completed_at: nowS - 60 }),
];

test('a list of jobs shows where each one stands', () => {
  assert.deepEqual(renderJobs(jobs, options).split('\n'), [
    'JOB      MODEL  STATUS                        CREATED   WAITED    RAN',
    'job_01K  flux   queued, number 3              14:02:15  1m 05s      –',
    'job_01K  flux   in_progress ████░░░░░░  40 %  14:02:15  1m 00s    5 s',
    'job_01K  flux   in_progress, loading model    14:02:15  1m 05s      –',
    'job_01K  flux   completed                     14:02:15   3.0 s  9.8 s',
    'job_01K  flux   failed model_crashed          14:02:15     5 s      –',
    '',
  ]);
});

test('a list fits a narrow terminal', () => {
  for (const columns of [70, 50, 30])
    for (const line of renderJobs(jobs, { ...options, columns }).split('\n'))
      assert.ok(line.length <= columns, line);
});

test('no jobs is said, not shown as an empty table', () => {
  assert.equal(renderJobs([], options), 'No jobs.\n');
});

test('one job shows what it waited for, its files, its webhook and its result', () => {
  const whole = job({
    status: 'completed',
    endpoint: '/v1/audio/speech',
    started_at: nowS - 60,
    completed_at: nowS - 50,
    attempts: 1,
    max_attempts: 2,
    output: { text: 'hi' },
    files: [{ index: 0, url: 'http://x/content', content_type: 'audio/wav', bytes: 20_480 }],
    webhook: { url: 'https://example.org/hook', status: 'failed', attempts: 3, last_error: '500' },
    metrics: { queue_ms: 3012, load_ms: 2000, execution_ms: 9800 },
  });
  assert.equal(
    renderJob(whole, options),
    `job_01K
  model    flux
  endpoint /v1/audio/speech
  status   completed
  created  14:02:15
  waited   3.0 s, of it 2 s loading the model
  ran      9.8 s
  attempts 1 of 2
  webhook  failed after 3 tries (500)  https://example.org/hook
  file     audio/wav, 20 KB  http://x/content

{
  "text": "hi"
}
`,
  );
});

test('a failed job says why in its first line of many', () => {
  const failed = job({
    status: 'failed',
    error: { message: 'could not start\nlog tail', code: 'model_load_failed' },
  });
  assert.match(renderJob(failed, options), / {2}error {4}could not start\n/);
  assert.doesNotMatch(renderJob(failed, options), /log tail/);
});
