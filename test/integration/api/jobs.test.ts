import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import { SignedLinks } from '../../../src/platform/signed-links.ts';
import { ApiBox, errorOf, linkSecret } from '../../fakes/api-box.ts';
import { aModelView } from '../../fakes/fake-board.ts';

const speech = { model: 'piper', input: { input: 'hello', voice: 'alloy' } };

interface JobView {
  readonly id: string;
  readonly [name: string]: unknown;
}
interface JobList {
  readonly data: readonly JobView[];
  readonly object: string;
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}
const view = async (response: Response): Promise<JobView> => (await response.json()) as JobView;

test('POST /jobs answers 202 at once with the whole job', async () => {
  await using box = await ApiBox.open({ settings: { publicUrl: 'https://box.example.com/' } });
  const policy = { queue_ttl_seconds: 30, execution_timeout_seconds: 20, result_ttl_seconds: 60 };
  const body = { ...speech, policy, priority: 'high', metadata: { user: '7' } };
  const response = await box.post('/jobs', body);
  const job = await box.nextJob();
  assert.equal(response.status, 202);
  assert.equal(response.headers.get('location'), `/jobs/${job.id}`);
  assert.equal(response.headers.get('x-job-id'), job.id);
  assert.equal(response.headers.get('openai-poll-after-ms'), '1000');
  assert.equal(response.headers.get('retry-after'), '1');
  const createdAt = Math.floor(box.clock.now() / 1000);
  assert.deepEqual(await view(response), {
    id: job.id,
    object: 'job',
    status: 'queued',
    phase: null,
    model: 'piper',
    type: 'speech',
    endpoint: '/v1/audio/speech',
    created_at: createdAt,
    started_at: null,
    completed_at: null,
    expires_at: null,
    queue_position: 1,
    estimated_start_at: createdAt + 20,
    progress: null,
    priority: 'high',
    attempts: 0,
    max_attempts: 2,
    policy,
    output: null,
    files: [],
    data_removed: false,
    error: null,
    usage: null,
    metrics: { queue_ms: null, load_ms: null, execution_ms: null, total_ms: null },
    webhook: null,
    metadata: { user: '7' },
    urls: {
      get: `https://box.example.com/jobs/${job.id}`,
      cancel: `https://box.example.com/jobs/${job.id}/cancel`,
      content: null,
    },
  });
  assert.deepEqual(job.body, { input: 'hello', voice: 'alloy', model: 'piper' });
  assert.equal(job.record.sync, false);
});

test('a job names its endpoint, and never streams', async () => {
  await using box = await ApiBox.open();
  const input = { prompt: 'hello', stream: true, stream_options: { include_usage: true } };
  const response = await box.post('/v1/jobs', { model: 'gpt-4o-mini', endpoint: '/v1/completions', input });
  assert.equal(response.status, 202);
  const job = await box.nextJob();
  assert.equal(job.record.endpoint, '/v1/completions');
  assert.equal(job.record.stream, false);
  assert.deepEqual(job.body, { prompt: 'hello', stream: false, model: 'smollm2' });
});

test('a job follows its endpoint to the default model, and its class follows the priority', async () => {
  await using box = await ApiBox.open();
  const classes = { high: 'interactive', normal: 'normal', low: 'batch' };
  for (const [priority, jobClass] of Object.entries(classes)) {
    await box.post('/jobs', { endpoint: '/v1/echo/generate', input: {}, priority });
    const job = await box.nextJob();
    assert.equal(job.record.class, jobClass);
    assert.equal(job.record.model, 'acme/echo');
    job.start();
  }
});

test('a webhook is kept with the events that it is called for, all ends unless the client names some', async () => {
  await using box = await ApiBox.open();
  const filters = [
    [undefined, ['job.completed', 'job.failed', 'job.cancelled', 'job.expired']],
    [['completed'], ['job.completed', 'job.failed', 'job.cancelled', 'job.expired']],
    [
      ['job.failed', 'job.completed'],
      ['job.completed', 'job.failed'],
    ],
  ];
  for (const [filter, events] of filters) {
    const body = { ...speech, webhook: 'https://example.com/hook', webhook_events_filter: filter };
    const { webhook } = await view(await box.post('/jobs', body));
    const url = 'https://example.com/hook';
    assert.deepEqual(webhook, { url, events, status: 'pending', attempts: 0, last_error: null });
  }
});

test('a job whose model is on its way says so', async () => {
  await using box = await ApiBox.open();
  await box.post('/jobs', speech);
  const job = await box.nextJob();
  const phase = async () => (await view(await box.fetch(`/jobs/${job.id}`))).phase;
  assert.equal(await phase(), null);
  box.board.views = [aModelView('piper', { state: 'loading' })];
  await box.clock.advance(10_000);
  assert.equal(await phase(), 'loading_model');
  job.start();
  assert.notEqual(await phase(), 'loading_model');
});

test('GET /jobs/:id shows place, run, progress and result', async () => {
  await using box = await ApiBox.open();
  await box.post('/jobs', speech);
  await box.post('/jobs', speech);
  const ahead = await box.nextJob();
  const job = await box.nextJob();
  const get = async () => view(await box.fetch(`/jobs/${job.id}`));
  assert.equal((await get()).queue_position, 2);
  ahead.start();
  assert.equal((await get()).queue_position, 1);
  await box.clock.advance(3000);
  job.start().progress(40, 'generating');
  const running = await get();
  assert.deepEqual(
    [running.status, running.phase, running.progress, running.queue_position, running.attempts],
    ['in_progress', 'generating', 40, null, 1],
  );
  await box.clock.advance(2000);
  const file = { index: 0, contentType: 'audio/wav', bytes: 4, sha256: 'abc' };
  job.complete({ files: [file], usage: { characters: 5 } });
  const done = await get();
  assert.equal(done.status, 'completed');
  assert.equal(done.phase, null);
  assert.equal(done.expires_at, Math.floor(box.clock.now() / 1000) + 172_800);
  assert.deepEqual(done.usage, { characters: 5 });
  assert.deepEqual(done.metrics, { queue_ms: 3000, load_ms: null, execution_ms: 2000, total_ms: 5000 });
  const query = new SignedLinks(linkSecret).queryOf(job.record, 0);
  const url = `${box.url}/jobs/${job.id}/content/0?${query}`;
  assert.deepEqual(done.files, [{ index: 0, url, content_type: 'audio/wav', bytes: 4, sha256: 'abc' }]);
  assert.deepEqual(done.urls, {
    get: `${box.url}/jobs/${job.id}`,
    cancel: `${box.url}/jobs/${job.id}/cancel`,
    content: `${box.url}/jobs/${job.id}/content?${query}`,
  });
});

test('GET /jobs/:id?wait= answers as soon as the job has ended', async () => {
  await using box = await ApiBox.open();
  await box.post('/jobs', speech);
  const job = await box.nextJob();
  const waited = box.fetch(`/jobs/${job.id}?wait=30`);
  await box.queue.reads(job.id);
  await setImmediate();
  job.start().fail(errors.modelError('it broke').toBody());
  const failed = await view(await waited);
  assert.equal(failed.status, 'failed');
  assert.equal((failed.error as { code: string }).code, 'model_error');
});

test('GET /jobs/:id?wait= finds an end that nobody told, within a second', async () => {
  await using box = await ApiBox.open();
  await box.post('/jobs', speech);
  const job = await box.nextJob();
  const waited = box.fetch(`/jobs/${job.id}?wait=30`);
  await box.queue.reads(job.id);
  job.start().settleSilently('completed', {});
  await box.clock.advance(1000);
  assert.equal((await view(await waited)).status, 'completed');
});

test('GET /jobs/:id?wait= answers with the job as it is when the wait is over', async () => {
  await using box = await ApiBox.open();
  await box.post('/jobs', speech);
  const job = await box.nextJob();
  const waited = box.fetch(`/jobs/${job.id}?wait=2.5`);
  await box.queue.reads(job.id);
  await box.clock.advance(2500);
  const response = await waited;
  assert.equal(response.status, 200);
  assert.equal((await view(response)).status, 'queued');
});

test('POST /jobs with Prefer: wait answers 200 when it ends in time, else 202', async () => {
  await using box = await ApiBox.open();
  const inTime = box.post('/jobs', speech, { headers: { prefer: 'wait=10' } });
  const job = await box.nextJob();
  job.start().complete({ output: { ok: true } });
  assert.equal((await inTime).status, 200);
  assert.equal((await inTime).headers.get('preference-applied'), 'wait=10');
  assert.deepEqual((await view(await inTime)).output, { ok: true });
  const late = box.post('/jobs', speech, { headers: { prefer: 'wait=3600' } });
  const waiting = await box.queue.next();
  await box.queue.reads(waiting.id);
  await box.clock.advance(60_000);
  assert.equal((await late).status, 202);
  assert.equal((await late).headers.get('preference-applied'), 'wait=60');
});

test('a client that leaves a stored job leaves it alone', async () => {
  await using box = await ApiBox.open();
  const client = new AbortController();
  const response = box.post('/jobs', speech, { headers: { prefer: 'wait=60' }, signal: client.signal });
  const job = await box.nextJob();
  client.abort();
  await assert.rejects(response);
  await box.fetch('/health');
  await box.clock.advance(61_000);
  assert.equal(job.record.status, 'queued');
});

test('an unchanged job is 304, whatever the clock says', async () => {
  await using box = await ApiBox.open();
  await box.post('/jobs', speech);
  const job = await box.nextJob();
  const first = await box.fetch(`/jobs/${job.id}`);
  const headers = { 'if-none-match': first.headers.get('etag') ?? '' };
  await box.clock.advance(3000);
  const same = await box.fetch(`/jobs/${job.id}`, { headers });
  assert.equal(same.status, 304);
  assert.equal(await same.text(), '');
  job.start();
  assert.equal((await box.fetch(`/jobs/${job.id}`, { headers })).status, 200);
});

test('a poller is told to come back less and less often, and not at all in the end', async () => {
  await using box = await ApiBox.open();
  await box.post('/jobs', speech);
  const job = await box.nextJob();
  job.start();
  const hint = async () => (await box.fetch(`/jobs/${job.id}`)).headers.get('openai-poll-after-ms');
  assert.equal(await hint(), '1000');
  await box.clock.advance(20_000);
  assert.equal(await hint(), '5000');
  job.complete({});
  assert.equal(await hint(), null);
});

test('cancel: a queued job is over at once, a running one ends soon, an ended one stays as it is', async () => {
  await using box = await ApiBox.open();
  const cancel = (id: string) => box.fetch(`/jobs/${id}/cancel`, { method: 'POST' });
  await box.post('/jobs', speech);
  const queued = await box.nextJob();
  const first = await cancel(queued.id);
  assert.equal(first.status, 200);
  assert.equal((await view(first)).status, 'cancelled');
  assert.equal((await cancel(queued.id)).status, 200);
  await box.post('/jobs', speech);
  const running = await box.nextJob();
  running.start();
  const second = await cancel(running.id);
  assert.equal(second.status, 202);
  assert.equal((await view(second)).status, 'cancelling');
  running.endCancelled();
  assert.equal((await view(await cancel(running.id))).status, 'cancelled');
});

test('GET /jobs lists newest first, by page, status, model and time', async () => {
  await using box = await ApiBox.open();
  const ids: string[] = [];
  for (let at = 0; at < 5; at++) {
    await box.post(
      '/jobs',
      at % 2 === 0 ? speech : { model: 'smollm2', input: { messages: [{ role: 'user', content: 'x' }] } },
    );
    ids.unshift((await box.nextJob()).id);
    await box.clock.advance(10_000);
  }
  const list = async (query: string) => {
    const answer = (await (await box.fetch(`/jobs${query}`)).json()) as JobList;
    return { ...answer, data: answer.data.map(({ id }) => id) };
  };
  assert.deepEqual(await list(''), {
    object: 'list',
    data: ids,
    first_id: ids[0],
    last_id: ids[4],
    has_more: false,
  });
  const page = await list('?limit=2');
  assert.deepEqual([page.data, page.has_more], [ids.slice(0, 2), true]);
  assert.deepEqual((await list(`?limit=2&after=${ids[1]}`)).data, ids.slice(2, 4));
  assert.deepEqual((await list('?order=asc&limit=1')).data, [ids[4]]);
  assert.deepEqual((await list('?model=tts-1')).data, [ids[0], ids[2], ids[4]]);
  assert.deepEqual((await list('?status=completed')).data, []);
  const bound = Math.floor(box.clock.now() / 1000) - 25;
  assert.deepEqual((await list(`?created_after=${bound}`)).data, ids.slice(0, 2));
  assert.deepEqual((await list(`?created_before=${bound}`)).data, ids.slice(2));
  assert.equal((await errorOf(await box.fetch('/jobs?model=nope'))).code, 'model_not_found');
});

test('a job that never was is 404, one past its retention 410', async () => {
  await using box = await ApiBox.open();
  for (const id of ['job_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'job_x', '1', '..%2Fadmin', '%00']) {
    const response = await box.fetch(`/jobs/${id}`);
    assert.equal(response.status, 404, id);
    assert.equal((await errorOf(response)).code, 'job_not_found');
  }
  await box.post('/jobs', speech);
  const job = await box.nextJob();
  job.isGone = true;
  const gone = await box.fetch(`/jobs/${job.id}`);
  assert.equal(gone.status, 410);
  assert.equal((await errorOf(gone)).code, 'job_expired');
});
