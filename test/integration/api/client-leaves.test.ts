import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import { ApiBox } from '../../fakes/api-box.ts';
import type { FakeJob } from '../../fakes/fake-job.ts';
import { SseReader } from '../../fakes/sse-reader.ts';

const chat = '/v1/chat/completions';
const call = { model: 'smollm2', messages: [{ role: 'user', content: 'hello' }] };
const retry = { headers: { 'x-stainless-retry-count': '1' } };
const output = { id: 'chatcmpl-1', object: 'chat.completion', choices: [] };

/** A client that calls and goes away as soon as its job is queued. */
async function leave(box: ApiBox, body: unknown = call): Promise<FakeJob> {
  const client = new AbortController();
  const answer = box.post(chat, body, { signal: client.signal });
  const job = await box.nextJob();
  client.abort();
  await assert.rejects(answer, { name: 'AbortError' });
  await box.events.next('job.client-left', { jobId: job.id });
  return job;
}

test('a queued job whose client left is cancelled after the grace, not before', async () => {
  await using box = await ApiBox.open();
  const job = await leave(box);
  await box.clock.advance(14_999);
  assert.equal(job.record.status, 'queued');
  await box.clock.advance(1);
  await job.until('cancelled');
});

test('a running job whose client left is told to stop after the grace', async () => {
  await using box = await ApiBox.open();
  const job = await leave(box);
  job.start();
  await box.clock.advance(15_000);
  await job.until('cancelling');
});

test('a client that leaves in the middle of a stream ends its job after the grace', async () => {
  await using box = await ApiBox.open({ settings: { disconnectGraceMs: 200 } });
  const client = new AbortController();
  const answer = box.post(chat, { ...call, stream: true }, { signal: client.signal });
  const job = await box.nextJob();
  job.start().chunk('{"a":1}');
  const reader = new SseReader(await answer);
  await reader.next();
  client.abort();
  await box.events.next('job.client-left', { jobId: job.id });
  await box.clock.advance(200);
  await job.until('cancelling');
});

test('the cancel is tried again while Redis is away', async () => {
  await using box = await ApiBox.open();
  const job = await leave(box);
  box.queue.isDown = true;
  await box.clock.advance(16_000);
  assert.equal(job.record.status, 'queued');
  box.queue.isDown = false;
  await box.clock.advance(2000);
  await job.until('cancelled');
});

test('a retry of the same request attaches to the job that runs, and keeps it alive', async () => {
  await using box = await ApiBox.open();
  const job = await leave(box);
  job.start();
  await box.clock.advance(10_000);
  const answer = box.post(chat, call, retry);
  await box.queue.reads(job.id);
  await box.clock.advance(60_000);
  job.complete({ output });
  const response = await answer;
  assert.deepEqual(await response.json(), output);
  assert.equal(response.headers.get('x-job-id'), job.id);
  assert.equal(box.queue.jobs.size, 1);
});

test('a retry gets a result that came while nobody listened', async () => {
  await using box = await ApiBox.open();
  const job = await leave(box);
  job.start().complete({ output });
  const response = await box.post(chat, call, retry);
  assert.deepEqual(await response.json(), output);
  assert.equal(box.queue.jobs.size, 1);
});

test('a retry of a stream gets every token from the first', async () => {
  await using box = await ApiBox.open();
  const job = await leave(box, { ...call, stream: true });
  job.start().chunk('{"a":1}').chunk('{"b":2}');
  const answer = box.post(chat, { ...call, stream: true }, retry);
  const reader = new SseReader(await answer);
  assert.equal(await reader.next(), 'data: {"a":1}');
  job.chunk('[DONE]').complete({});
  assert.deepEqual(await reader.rest(), ['data: {"b":2}', 'data: [DONE]']);
  assert.equal(box.queue.jobs.size, 1);
});

test('a retry sees the second attempt alone when the first was lost meanwhile', async () => {
  await using box = await ApiBox.open();
  const job = await leave(box, { ...call, stream: true });
  job.start().chunk('{"a":1}').requeue(errors.modelCrashed('smollm2', 'signal 9').toBody());
  job.start().chunk('{"b":2}');
  const answer = box.post(chat, { ...call, stream: true }, retry);
  const reader = new SseReader(await answer);
  job.chunk('[DONE]').complete({});
  assert.deepEqual(await reader.rest(), ['data: {"b":2}', 'data: [DONE]']);
});

test('a stream that is too long to be repeated is cancelled for its retry, so that it never runs twice at once', async () => {
  await using box = await ApiBox.open();
  const job = await leave(box, { ...call, stream: true });
  job.start().chunk('x'.repeat(600_000)).chunk('y'.repeat(600_000));
  const answer = box.post(chat, { ...call, stream: true }, retry);
  const second = await box.nextJob();
  await job.until('cancelling');
  second.start().chunk('{"a":1}', '[DONE]');
  assert.equal(await new SseReader(await answer).next(), 'data: {"a":1}');
});

test('only a retry attaches: the same words said again are a new job', async () => {
  await using box = await ApiBox.open();
  const job = await leave(box);
  void box.post(chat, call, { headers: { 'x-stainless-retry-count': '0' } });
  assert.notEqual((await box.nextJob()).id, job.id);
});

test('a retry of another body, on another path or with another key is a new job', async () => {
  await using box = await ApiBox.open();
  const job = await leave(box);
  const others = [
    () => box.post(chat, { ...call, seed: 1 }, retry),
    () => box.post('/v1/completions', { prompt: 'hello' }, retry),
    () => box.post(chat, call, { headers: { ...retry.headers, authorization: 'Bearer rh_other_key' } }),
  ];
  for (const other of others) {
    void other();
    assert.notEqual((await box.nextJob()).id, job.id);
  }
});

test('a retry after a failure is a new job', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, call);
  const job = await box.nextJob();
  job.start().fail(errors.workerLost().toBody());
  assert.equal((await answer).status, 503);
  void box.post(chat, call, retry);
  assert.notEqual((await box.nextJob()).id, job.id);
});

test('a result that nobody came back for within the grace is not kept for a retry', async () => {
  await using box = await ApiBox.open();
  const job = await leave(box);
  job.start().complete({ output });
  await box.clock.advance(15_000);
  void box.post(chat, call, retry);
  assert.notEqual((await box.nextJob()).id, job.id);
  assert.equal(job.record.status, 'completed');
});

test('a retry after a 504 comes back to the job that goes on, for ten minutes', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, call);
  const job = await box.nextJob();
  await box.clock.advance(280_000);
  assert.equal((await answer).status, 504);
  const again = box.post(chat, call, retry);
  await box.queue.reads(job.id);
  await box.clock.advance(280_000);
  assert.equal((await again).headers.get('x-job-id'), job.id);
  await box.clock.advance(40_001);
  void box.post(chat, call, retry);
  assert.notEqual((await box.nextJob()).id, job.id);
  assert.equal(job.record.status, 'queued');
});

test('when the first of two waiting clients leaves, the job goes on for the second', async () => {
  await using box = await ApiBox.open();
  const first = new AbortController();
  const lost = box.post(chat, call, { signal: first.signal });
  const job = await box.nextJob();
  const answer = box.post(chat, call, retry);
  await box.queue.reads(job.id);
  first.abort();
  await assert.rejects(lost);
  await box.events.next('job.client-left');
  await box.clock.advance(60_000);
  job.start().complete({ output });
  assert.equal((await answer).status, 200);
});

test('nothing listens to a job any more once it is answered', async () => {
  await using box = await ApiBox.open();
  for (const stream of [true, false]) {
    const answer = box.post(chat, { ...call, stream });
    const job = await box.nextJob();
    job.start();
    if (stream) job.chunk('[DONE]');
    job.complete({ output });
    await (await answer).text();
    await box.fetch('/health');
    assert.equal(box.queue.listenersOf(job.id), 0);
  }
});
