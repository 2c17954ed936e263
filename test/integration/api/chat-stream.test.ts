import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import { ApiBox, apiKey, errorOf } from '../../fakes/api-box.ts';
import { aModelView } from '../../fakes/fake-board.ts';
import { SseReader } from '../../fakes/sse-reader.ts';

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'hello' }];
const streamed = { model: 'smollm2', messages, stream: true };
const token = (text: string): string => JSON.stringify({ choices: [{ index: 0, delta: { content: text } }] });
const data = (text: string): string => `data: ${token(text)}`;

test('tokens reach the client whole, in order and one by one as they come', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, streamed);
  const job = await box.nextJob();
  assert.equal(job.record.stream, true);
  job.start().chunk(token('One'));
  const response = await answer;
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  assert.equal(response.headers.get('cache-control'), 'no-cache, no-transform');
  assert.equal(response.headers.get('x-accel-buffering'), 'no');
  assert.equal(response.headers.get('x-job-id'), job.id);
  const reader = new SseReader(response);
  assert.equal(await reader.next(), data('One'));
  job.chunk(token(' two'), token(' thréé 🎠'));
  assert.equal(await reader.next(), data(' two'));
  assert.equal(await reader.next(), data(' thréé 🎠'));
  job.chunk('[DONE]').complete({});
  assert.deepEqual(await reader.rest(), ['data: [DONE]']);
});

test('[DONE] is sent once, whether the model server sends it, sends it twice or not at all', async () => {
  await using box = await ApiBox.open();
  for (const endings of [[], ['[DONE]'], ['[DONE]', '[DONE]', token('late')]]) {
    const answer = box.post(chat, streamed);
    const job = await box.nextJob();
    job.start().chunk(token('a'), ...endings);
    job.complete({});
    assert.deepEqual(await new SseReader(await answer).rest(), [data('a'), 'data: [DONE]']);
  }
});

test('a payload with line ends stays one event', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, streamed);
  (await box.nextJob()).start().chunk('{"a":\r\n1}', '[DONE]');
  assert.deepEqual(await new SseReader(await answer).rest(), ['data: {"a":\ndata: 1}', 'data: [DONE]']);
});

test('a chunk that comes twice is sent once', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, streamed);
  const job = await box.nextJob();
  job.start().chunk(token('a'), token('b'));
  const again = { type: 'chunk', jobId: job.id, attempt: 1 } as const;
  box.queue.deliver({ ...again, seq: 0, data: [token('a')] });
  box.queue.deliver({ ...again, seq: 1, data: [token('b'), token('c')] });
  job.complete({});
  assert.deepEqual(await new SseReader(await answer).rest(), [
    data('a'),
    data('b'),
    data('c'),
    'data: [DONE]',
  ]);
});

test('a failure within two seconds keeps its status', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, streamed);
  const job = await box.nextJob();
  await box.clock.advance(1999);
  job.start().fail(errors.modelLoadFailed('smollm2', 'no weights', [], 5).toBody());
  const response = await answer;
  assert.equal(response.status, 503);
  assert.equal((await errorOf(response)).code, 'model_load_failed');
});

test('a later failure is one data line, then [DONE]', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, streamed);
  const job = await box.nextJob();
  await box.clock.advance(2000);
  const reader = new SseReader(await answer);
  assert.equal(await reader.next(), ': queued position=1');
  job.start().fail(errors.modelError('it broke').toBody());
  const [failure, ...rest] = await reader.rest();
  const { error } = JSON.parse(failure?.replace('data: ', '') ?? '') as { error: Record<string, unknown> };
  assert.equal(error.code, 'model_error');
  assert.equal(error.message, 'it broke');
  assert.equal(error.type, 'server_error');
  assert.equal(error.param, null);
  assert.equal(error.job_id, job.id);
  assert.deepEqual(rest, ['data: [DONE]']);
});

test('who waits is told after two seconds and every ten what for: place, load in percent, run', async () => {
  await using box = await ApiBox.open();
  void box.post('/v1/completions', { prompt: 'first' }).catch(() => undefined);
  const first = await box.nextJob();
  const answer = box.post(chat, streamed);
  const job = await box.nextJob();
  await box.clock.advance(2000);
  const reader = new SseReader(await answer);
  assert.equal(await reader.next(), ': queued position=2');
  first.start();
  await box.clock.advance(10_000);
  assert.equal(await reader.next(), ': queued position=1');
  box.board.views = [aModelView('smollm2', { state: 'loading', loadProgress: 0.42 })];
  await box.fetch('/v1/models');
  await box.clock.advance(10_000);
  assert.match((await reader.next()) ?? '', /^: (queued position=1|loading smollm2 42% position=1)$/);
  await box.clock.advance(10_000);
  assert.equal(await reader.next(), ': loading smollm2 42% position=1');
  job.start();
  await box.clock.advance(10_000);
  assert.equal(await reader.next(), ': running');
  job.chunk(token('a'));
  assert.equal(await reader.next(), data('a'));
  await box.clock.advance(10_000);
  await box.clock.advance(10_000);
  assert.equal(await reader.next(), ': running');
  job.chunk('[DONE]');
  assert.deepEqual(await reader.rest(), ['data: [DONE]']);
});

test('a second attempt is invisible to a client that has seen nothing of the first', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, streamed);
  const job = await box.nextJob();
  job.start().requeue(errors.modelCrashed('smollm2', 'signal 9').toBody());
  job.start().chunk(token('a'), '[DONE]');
  assert.deepEqual(await new SseReader(await answer).rest(), [data('a'), 'data: [DONE]']);
});

test('two attempts are never mixed: after the first token, a lost server breaks the stream, and the job goes on', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, streamed);
  const job = await box.nextJob();
  job.start().chunk(token('a'));
  const reader = new SseReader(await answer);
  assert.equal(await reader.next(), data('a'));
  job.requeue(errors.modelCrashed('smollm2', 'signal 9').toBody());
  job.start().chunk(token('b'), '[DONE]');
  const [failure, ...rest] = await reader.rest();
  assert.match(failure ?? '', /"code":"stream_interrupted"/);
  assert.ok(failure?.includes(job.id));
  assert.deepEqual(rest, ['data: [DONE]']);
  await box.clock.advance(60_000);
  assert.equal(job.record.status, 'in_progress');
});

test('a job that a stopping worker gave back breaks its stream too, although its attempt has the same number', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, streamed);
  const job = await box.nextJob();
  job.start().chunk(token('a'));
  job.snooze().start().chunk(token('A'), token('B'), '[DONE]');
  const [first, failure, ...rest] = await new SseReader(await answer).rest();
  assert.equal(first, data('a'));
  assert.match(failure ?? '', /"code":"stream_interrupted"/);
  assert.deepEqual(rest, ['data: [DONE]']);
  const unseen = box.post(chat, streamed);
  const second = await box.nextJob();
  second.start().snooze().start().chunk(token('c'), '[DONE]');
  assert.deepEqual(await new SseReader(await unseen).rest(), [data('c'), 'data: [DONE]']);
});

test('a missing chunk breaks the stream instead of leaving a hole in it', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, streamed);
  const job = await box.nextJob();
  job.start().chunk(token('a'));
  box.queue.deliver({ type: 'chunk', jobId: job.id, attempt: 1, seq: 2, data: [token('c')] });
  const [first, failure, ...rest] = await new SseReader(await answer).rest();
  assert.equal(first, data('a'));
  assert.match(failure ?? '', /"code":"stream_interrupted"/);
  assert.deepEqual(rest, ['data: [DONE]']);
});

test('a stream whose end was lost is not passed off as complete', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, streamed);
  const job = await box.nextJob();
  job.start().chunk(token('a'));
  const reader = new SseReader(await answer);
  await reader.next();
  job.settleSilently('completed', { output: {} });
  await box.clock.advance(5000);
  await box.clock.advance(1000);
  const blocks = await reader.rest();
  assert.match(blocks.at(-2) ?? '', /"code":"stream_interrupted"/);
  assert.equal(blocks.at(-1), 'data: [DONE]');
});

test('tokens that come after the record says completed still reach the client', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, streamed);
  const job = await box.nextJob();
  job.start().chunk(token('a'));
  const reader = new SseReader(await answer);
  await reader.next();
  job.settleSilently('completed', { output: {} });
  await box.clock.advance(5000);
  job.chunk(token('b'), '[DONE]');
  assert.deepEqual((await reader.rest()).slice(-2), [data('b'), 'data: [DONE]']);
});

test('a model that answers a stream with one JSON is heard as one chunk', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, streamed);
  const whole = {
    id: 'x',
    object: 'chat.completion',
    choices: [{ index: 0, message: { content: 'hi' }, finish_reason: 'stop' }],
  };
  (await box.nextJob()).start().complete({ output: whole });
  const [first, ...rest] = await new SseReader(await answer).rest();
  assert.deepEqual(JSON.parse(first?.slice('data: '.length) ?? ''), {
    id: 'x',
    object: 'chat.completion.chunk',
    choices: [{ index: 0, finish_reason: 'stop', delta: { content: 'hi' } }],
  });
  assert.deepEqual(rest, ['data: [DONE]']);
});

test('a stream is not ended by the limit of a silent wait', async () => {
  await using box = await ApiBox.open({ settings: { syncMaxWaitMs: 3000 } });
  const answer = box.post(chat, streamed);
  const job = await box.nextJob();
  await box.clock.advance(2000);
  const reader = new SseReader(await answer);
  await box.clock.advance(30_000);
  job.start().chunk(token('a'), '[DONE]');
  assert.deepEqual((await reader.rest()).slice(-2), [data('a'), 'data: [DONE]']);
});

test('a reader that does not read is let go at 1 MiB, and its job is cancelled at once', async () => {
  await using box = await ApiBox.open();
  const body = JSON.stringify(streamed);
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const client = request(`${box.url}${chat}`, { method: 'POST', headers }).end(body);
  client.on('error', () => undefined);
  client.on('response', (response) => response.pause().on('error', () => undefined));
  const job = await box.nextJob();
  job.start();
  const cancelled = job.until('cancelling');
  const payload = token('x'.repeat(64 * 1024));
  for (let sent = 0; sent < 1000 && job.record.status === 'in_progress'; sent++) {
    job.chunk(payload);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await cancelled;
  client.destroy();
});
