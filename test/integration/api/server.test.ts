import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { ApiBox, apiKey, errorOf } from '../../fakes/api-box.ts';
import { SseReader } from '../../fakes/sse-reader.ts';

const call = { messages: [{ role: 'user', content: 'hello' }] };
const chat = '/v1/chat/completions';

/** Sends bytes as they are, and gives what comes back until the server hangs up. */
async function exchange(box: ApiBox, text: string): Promise<string> {
  const socket = connect(box.server.port, '127.0.0.1');
  socket.write(text);
  let answer = '';
  for await (const bytes of socket) answer += String(bytes);
  return answer;
}

test('a port that is taken is reported in one line with who has it and what to set', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  try {
    await assert.rejects(ApiBox.open({ settings: { port } }), (error: Error) => {
      assert.match(error.message, new RegExp(`^Port ${port} on 127.0.0.1 is taken by .*pid ${process.pid}`));
      assert.match(error.message, /ROUNDHOUSE_PORT/);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  } finally {
    holder.close();
  }
});

test('an address that is not ours is reported with what to set', async () => {
  await assert.rejects(ApiBox.open({ settings: { host: '203.0.113.1' } }), /203\.0\.113\.1.*ROUNDHOUSE_HOST/);
});

test('headers over 16 KiB and requests that are not HTTP get the envelope too', async () => {
  await using box = await ApiBox.open();
  const huge = await exchange(
    box,
    `GET /health HTTP/1.1\r\nhost: x\r\nx-big: ${'x'.repeat(17 * 1024)}\r\n\r\n`,
  );
  assert.match(huge, /^HTTP\/1\.1 431 /);
  assert.match(huge, /"code":"malformed_request"/);
  const garbage = await exchange(box, 'hello?\r\n\r\n');
  assert.match(garbage, /^HTTP\/1\.1 400 /);
  assert.match(garbage, /"type":"invalid_request_error"/);
  assert.equal((await box.fetch('/health')).status, 200);
});

test('the server does not tell what it is made of', async () => {
  await using box = await ApiBox.open();
  const response = await box.fetch('/health');
  assert.equal(response.headers.get('x-powered-by'), null);
  assert.equal(response.headers.get('server'), null);
});

test('a client that asks before it sends hears of a refusal instead of a go-ahead', async () => {
  await using box = await ApiBox.open();
  const head = (key: string, length: number): string =>
    [
      `POST ${chat} HTTP/1.1`,
      'host: x',
      `authorization: Bearer ${key}`,
      'content-type: application/json',
      `content-length: ${length}`,
      'expect: 100-continue',
      'connection: close',
    ].join('\r\n');
  assert.match(await exchange(box, `${head('wrong', 10)}\r\n\r\n`), /^HTTP\/1\.1 401 /);
  assert.match(await exchange(box, `${head(apiKey, 11_000_000)}\r\n\r\n`), /^HTTP\/1\.1 413 /);
  const socket = connect(box.server.port, '127.0.0.1');
  socket.write(`${head(apiKey, 2)}\r\n\r\n`);
  const [goAhead] = (await once(socket, 'data')) as [Buffer];
  assert.match(String(goAhead), /^HTTP\/1\.1 100 /);
  socket.write('{}');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.match(String(answer), /^HTTP\/1\.1 400 /);
  socket.destroy();
});

test('stopping lets open calls end, and takes no new ones', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, call);
  const job = await box.nextJob();
  const { url } = box;
  const stopped = box.server.stop(new AbortController().signal);
  job.start().complete({ output: { done: true } });
  assert.deepEqual(await (await answer).json(), { done: true });
  for (let isStopped = false; !isStopped; ) {
    isStopped = await Promise.race([stopped.then(() => true), box.clock.advance(100).then(() => false)]);
  }
  await assert.rejects(fetch(`${url}/health`));
});

test('what still waits at the deadline is told that we stop, and its job does not run for nobody', async () => {
  await using box = await ApiBox.open();
  const answer = box.post(chat, call);
  const job = await box.nextJob();
  const stream = box.post(chat, { ...call, stream: true });
  const streamJob = await box.nextJob();
  streamJob.start().chunk('{"a":1}');
  const reader = new SseReader(await stream);
  assert.equal(await reader.next(), 'data: {"a":1}');
  const deadline = new AbortController();
  const stopped = box.server.stop(deadline.signal);
  deadline.abort();
  const response = await answer;
  assert.equal(response.status, 503);
  assert.equal((await errorOf(response)).code, 'shutting_down');
  const [failure, done] = await reader.rest();
  assert.match(failure ?? '', /"code":"shutting_down"/);
  assert.equal(done, 'data: [DONE]');
  await box.clock.advance(5000);
  await stopped;
  await job.until('cancelled');
  await streamJob.until('cancelling');
});

test('stopping twice, or before the start, is harmless', async () => {
  const box = await ApiBox.open();
  await box[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});
