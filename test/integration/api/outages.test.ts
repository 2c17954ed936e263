import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiBox, errorOf } from '../../fakes/api-box.ts';

const call = { messages: [{ role: 'user', content: 'hello' }] };

test('without Redis every call that needs it is 503 and says when to come back; then it works by itself', async () => {
  await using box = await ApiBox.open();
  box.queue.isDown = true;
  box.board.isDown = true;
  const calls = [
    box.post('/v1/chat/completions', call),
    box.post('/v1/chat/completions', { ...call, stream: true }),
    box.post('/jobs', { model: 'smollm2', input: call }),
    box.fetch('/jobs'),
    box.fetch('/jobs/job_01ARZ3NDEKTSV4RRFFQ69G5FAV'),
    box.fetch('/v1/queue'),
    box.fetch('/admin/history'),
    box.fetch('/admin/models/smollm2/load', { method: 'POST' }),
  ];
  for (const response of await Promise.all(calls)) {
    assert.equal(response.status, 503, response.url);
    assert.equal(response.headers.get('retry-after'), '2');
    assert.equal(response.headers.get('x-should-retry'), null);
    const error = await errorOf(response);
    assert.equal(error.code, 'queue_unavailable');
    assert.equal(error.retryable, true);
  }
  box.queue.isDown = false;
  box.board.isDown = false;
  const answer = box.post('/v1/chat/completions', call);
  (await box.nextJob()).start().complete({ output: {} });
  assert.equal((await answer).status, 200);
});

test('a queue that fails at the moment of submission ends the call and everything that listens', async () => {
  await using box = await ApiBox.open();
  await box.fetch('/v1/queue');
  box.queue.isDown = true;
  const response = await box.post('/v1/chat/completions', call);
  assert.equal(response.status, 503);
  assert.equal((await errorOf(response)).code, 'queue_unavailable');
  box.queue.isDown = false;
  const retry = { headers: { 'x-stainless-retry-count': '1' } };
  const answer = box.post('/v1/chat/completions', call, retry);
  (await box.nextJob()).start().complete({ output: {} });
  assert.equal((await answer).status, 200);
});

test('/health says that the process lives, whatever else does', async () => {
  await using box = await ApiBox.open();
  box.board.isDown = true;
  const response = await fetch(`${box.url}/health`);
  assert.equal(response.status, 200);
  assert.equal(((await response.json()) as { status: string }).status, 'ok');
});

test('/ready is 503 with the reason while Redis is away or no worker was seen', async () => {
  await using box = await ApiBox.open();
  const ready = async () => {
    const response = await fetch(`${box.url}/ready`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  assert.deepEqual(await ready(), { status: 200, body: { status: 'ready' } });
  box.board.hasWorker = false;
  const lonely = await ready();
  assert.equal(lonely.status, 503);
  assert.match(JSON.stringify(lonely.body), /no worker/);
  box.board.isDown = true;
  const down = await ready();
  assert.equal(down.status, 503);
  assert.match(JSON.stringify(down.body), /Redis/);
  assert.match(JSON.stringify(down.body), /"code":"not_ready"/);
});

test('models are listed from the models file while Redis is away', async () => {
  await using box = await ApiBox.open();
  box.board.isDown = true;
  const { data } = (await (await box.fetch('/v1/models')).json()) as { data: { id: string }[] };
  assert.deepEqual(
    data.map(({ id }) => id),
    ['smollm2', 'piper', 'acme/echo'],
  );
});

test('a fault of ours is 500 without its details, which go to the log', async () => {
  await using box = await ApiBox.open();
  box.queue.list = () => Promise.reject(new Error('secret detail'));
  const response = await box.fetch('/jobs');
  assert.equal(response.status, 500);
  const error = await errorOf(response);
  assert.equal(error.code, 'internal_error');
  assert.doesNotMatch(error.message, /secret/);
  const [fault] = box.events.of('system.fault');
  assert.equal(fault?.where, 'GET /jobs');
  assert.match(String(fault?.message), /secret detail/);
});
