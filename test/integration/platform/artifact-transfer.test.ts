import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { asJobId } from '../../../src/contracts/ids.ts';
import type { Artifact } from '../../../src/contracts/job.ts';
import { ArtifactClient } from '../../../src/platform/artifact-client.ts';
import { ArtifactServer } from '../../../src/platform/artifact-server.ts';
import { ArtifactStore } from '../../../src/platform/artifact-store.ts';
import type { Clock } from '../../../src/platform/clock.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { HttpClient } from '../../../src/platform/http-client.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';
import { TempDir } from '../../helpers/temp-dir.ts';

const jobId = asJobId('job_01K000000000000000000000AA');
const token = 'a token';
const content = randomBytes(300_000);
/** Backoff takes no time, stalls never end. */
const hurried: Clock = {
  ...systemClock,
  sleep: (ms, signal) => (ms > 10_000 ? new Promise(() => {}) : systemClock.sleep(0, signal)),
};

async function house() {
  const dir = await TempDir.create();
  const store = new ArtifactStore({ root: dir.path('artifacts'), minFreeBytes: 0, minFreeShare: 0 });
  const server = new ArtifactServer({ store, host: '127.0.0.1', port: 0, token });
  await server.start();
  const http = new HttpClient();
  return {
    store,
    server,
    http,
    client: new ArtifactClient({ http, token, clock: hurried }),
    async [Symbol.asyncDispose]() {
      await http.close();
      await server.stop(AbortSignal.abort());
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function* of(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const described = (bytes: Buffer): Artifact => ({
  index: 0,
  contentType: 'audio/wav',
  bytes: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});

/** A worker that behaves as a test says; `requests` holds what it was asked. */
async function strangeWorker(answer: RequestListener) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const http = new HttpClient();
  return {
    server,
    requests,
    http,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      await http.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const rangeOf = (request: IncomingMessage): { start: number; end: number } => {
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  return { start: Number(start ?? 0), end: Number(end ?? content.length - 1) };
};

test('an empty file is fetched as it is, and a server without a token lets nobody in', async () => {
  await using box = await house();
  const empty = await box.store.write(jobId, 0, 'text/plain', of(Buffer.alloc(0)));
  const stream = await box.client.open(box.server.url, { jobId, file: empty });
  assert.ok(stream);
  assert.equal((await buffer(stream)).length, 0);
  const open = new ArtifactServer({
    store: box.store,
    host: '127.0.0.1',
    port: 0,
    token: Promise.resolve(''),
  });
  await open.start();
  const answer = await fetch(`${open.url}/artifacts/${jobId}/0`, { headers: { authorization: 'Bearer x' } });
  await open.stop(AbortSignal.abort());
  assert.equal(answer.status, 401);
});

test('a file comes over whole, a range in part, a missing one not at all', async () => {
  await using at = await house();
  const file = await at.store.write(jobId, 0, 'audio/wav', of(content));
  const whole = await at.client.open(at.server.url, { jobId, file });
  assert.ok(whole);
  assert.ok(content.equals(await buffer(whole)));
  const part = await at.client.open(at.server.url, { jobId, file }, { start: 1000, end: 1999 });
  assert.ok(part);
  assert.ok(content.subarray(1000, 2000).equals(await buffer(part)));
  assert.equal(await at.client.open(at.server.url, { jobId, file: { ...file, index: 7 } }), null);
});

test('a file without bytes comes over', async () => {
  await using at = await house();
  const file = await at.store.write(jobId, 0, 'audio/wav', of(Buffer.alloc(0)));
  const readable = await at.client.open(at.server.url, { jobId, file });
  assert.ok(readable);
  assert.equal((await buffer(readable)).length, 0);
});

test('nobody reads without the token', async () => {
  await using at = await house();
  const file = await at.store.write(jobId, 0, 'audio/wav', of(content));
  const path = `${at.server.url}/artifacts/${jobId}/0`;
  for (const authorization of [
    '',
    'Bearer',
    'Bearer ',
    'Bearer a tokem',
    'Bearer a token2',
    'Basic a token',
    token,
  ]) {
    const response = await fetch(path, { headers: { authorization } });
    assert.equal(response.status, 401, authorization);
  }
  const stranger = new ArtifactClient({ http: at.http, token: 'wrong', clock: hurried });
  await assert.rejects(stranger.open(at.server.url, { jobId, file }), {
    code: 'artifact_unreachable',
    status: 503,
  });
});

test('the server tells what it does not serve', async () => {
  await using at = await house();
  await at.store.write(jobId, 0, 'audio/wav', of(content));
  const headers = { authorization: `Bearer ${token}` };
  const status = async (path: string, init: RequestInit = {}): Promise<number> =>
    (await fetch(at.server.url + path, { ...init, headers: { ...headers, ...init.headers } })).status;
  assert.equal(await status('/'), 404);
  assert.equal(await status(`/artifacts/${jobId}/../../x`), 404);
  assert.equal(await status(`/artifacts/${jobId}/1`), 404);
  assert.equal(await status(`/artifacts/${jobId}/0`, { method: 'POST' }), 405);
  assert.equal(await status(`/artifacts/${jobId}/0`, { headers: { range: 'bytes=300000-' } }), 416);
  assert.equal(await status(`/artifacts/${jobId}/0`, { headers: { range: 'bytes=299999-' } }), 206);
});

test('a server without a token is not made', async () => {
  await using dir = await TempDir.create();
  const store = new ArtifactStore({ root: dir.dir });
  assert.throws(() => new ArtifactServer({ store, host: '127.0.0.1', port: 0, token: '' }), /token/);
});

test('a transfer that breaks again and again is resumed where it broke', async () => {
  await using worker = await strangeWorker((request, response) => {
    const { start, end } = rangeOf(request);
    response.writeHead(start === 0 ? 200 : 206, { 'content-length': end - start + 1 });
    response.write(content.subarray(start, Math.min(start + 100_000, end + 1)), () => response.destroy());
  });
  const client = new ArtifactClient({ http: worker.http, token, clock: hurried, firstPauseMs: 1 });
  const readable = await client.open(worker.url, { jobId, file: described(content) });
  assert.ok(readable);
  assert.ok(content.equals(await buffer(readable)));
  assert.ok(worker.requests.length >= 3);
  assert.equal(worker.requests[0]?.headers.range, undefined);
  assert.match(worker.requests[1]?.headers.range ?? '', /^bytes=[1-9]\d*-299999$/);
});

test('a resumed range keeps to its end', async () => {
  await using worker = await strangeWorker((request, response) => {
    const { start, end } = rangeOf(request);
    response.writeHead(206, { 'content-length': end - start + 1 });
    response.write(content.subarray(start, Math.min(start + 4000, end + 1)), () => response.destroy());
  });
  const client = new ArtifactClient({ http: worker.http, token, clock: hurried, firstPauseMs: 1 });
  const readable = await client.open(
    worker.url,
    { jobId, file: described(content) },
    { start: 1000, end: 9999 },
  );
  assert.ok(readable);
  assert.ok(content.subarray(1000, 10_000).equals(await buffer(readable)));
});

test('a worker that stalls is left, and the transfer goes on over a new connection', async () => {
  const clock = new FakeClock();
  await using worker = await strangeWorker((request, response) => {
    const { start, end } = rangeOf(request);
    response.writeHead(start === 0 ? 200 : 206, { 'content-length': end - start + 1 });
    if (start === 0) response.write(content.subarray(0, 1000));
    else response.end(content.subarray(start, end + 1));
  });
  const client = new ArtifactClient({ http: worker.http, token, clock });
  const readable = await client.open(worker.url, { jobId, file: described(content) });
  assert.ok(readable);
  const closed = once(worker.requests[0]?.socket ?? process, 'close');
  const everything = buffer(readable);
  for (let isClosed = false; !isClosed; ) {
    await clock.whenPending();
    await clock.advance(25_000);
    isClosed = worker.requests[0]?.socket.destroyed ?? false;
  }
  await closed;
  const ticking = setInterval(() => void clock.advance(1000), 1);
  try {
    assert.ok(content.equals(await everything));
  } finally {
    clearInterval(ticking);
  }
});

test('a file that is not the one of the job is never handed out whole', async () => {
  await using worker = await strangeWorker((_, response) => void response.end(content));
  const client = new ArtifactClient({ http: worker.http, token, clock: hurried, firstPauseMs: 1 });
  const file = { ...described(content), sha256: '0'.repeat(64) };
  const readable = await client.open(worker.url, { jobId, file });
  assert.ok(readable);
  let bytes = 0;
  await assert.rejects(async () => {
    for await (const piece of readable) bytes += piece.length;
  }, /not the one/);
  assert.ok(bytes < content.length);
});

test('a file that is removed in the middle of a transfer is an error', async () => {
  await using worker = await strangeWorker((request, response) => {
    if (request.headers.range !== undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 1000), () => response.destroy());
  });
  const client = new ArtifactClient({ http: worker.http, token, clock: hurried, firstPauseMs: 1 });
  const readable = await client.open(worker.url, { jobId, file: described(content) });
  assert.ok(readable);
  await assert.rejects(buffer(readable), /removed/);
});

test('a worker that is not there, or goes away, is told after some tries', async () => {
  const worker = await strangeWorker((_, response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 1000));
  });
  const client = new ArtifactClient({ http: worker.http, token, clock: hurried, firstPauseMs: 1 });
  const readable = await client.open(worker.url, { jobId, file: described(content) });
  assert.ok(readable);
  worker.server.closeAllConnections();
  await new Promise((resolve) => worker.server.close(resolve));
  await assert.rejects(buffer(readable), { code: 'ECONNREFUSED' });
  await assert.rejects(client.open(worker.url, { jobId, file: described(content) }), {
    code: 'artifact_unreachable',
    message: /cannot be reached \(it does not answer\)/,
  });
  await worker.http.close();
});

test('a worker that restarts is waited for, one that refuses is not asked again', async () => {
  let tries = 0;
  const http: Pick<HttpClient, 'request'> = {
    request: async () => {
      tries += 1;
      if (tries === 1) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      return { status: 403, headers: {}, body: Readable.from([]) } as never;
    },
  };
  const client = new ArtifactClient({ http: http as HttpClient, token, firstPauseMs: 1 });
  await assert.rejects(client.open('http://127.0.0.1:1', { jobId, file: described(content) }), {
    message: /cannot be reached \(it refuses to hand it out\)/,
  });
  assert.equal(tries, 2);
});

test('a reader that leaves ends the transfer', async () => {
  await using worker = await strangeWorker((_, response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 1000));
  });
  const arrived = once(worker.server, 'request');
  const client = new ArtifactClient({ http: worker.http, token, clock: hurried, firstPauseMs: 1 });
  const readable = await client.open(worker.url, { jobId, file: described(content) });
  const [request] = (await arrived) as [IncomingMessage];
  const closed = once(request.socket, 'close');
  assert.ok(readable);
  readable.on('error', () => {});
  readable.read();
  readable.destroy();
  await closed;
});

test('a server that stops at its deadline cuts what is under way', async () => {
  await using at = await house();
  const file = await at.store.write(jobId, 0, 'audio/wav', of(Buffer.alloc(20_000_000)));
  const response = await at.http.request(
    { origin: at.server.url },
    {
      method: 'GET',
      path: `/artifacts/${jobId}/${file.index}`,
      headers: { authorization: `Bearer ${token}` },
    },
  );
  await at.server.stop(AbortSignal.abort());
  await assert.rejects(response.body.text());
});
