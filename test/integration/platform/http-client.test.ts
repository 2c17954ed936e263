import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { eachChunk } from '../../../src/platform/each-chunk.ts';
import { HttpClient, type Target } from '../../../src/platform/http-client.ts';
import { TempDir } from '../../helpers/temp-dir.ts';

interface House extends AsyncDisposable {
  readonly client: HttpClient;
  readonly target: Target;
  readonly server: Server;
  /** Resolves with the request when it comes. */
  arrived(): Promise<[IncomingMessage, ServerResponse]>;
}

async function house(
  kind: 'socket' | 'port',
  answer: (q: IncomingMessage, r: ServerResponse) => void = () => {},
) {
  const dir = await TempDir.create();
  const server = createServer(answer);
  const socketPath = dir.path('s');
  server.listen(kind === 'socket' ? socketPath : { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const client = new HttpClient();
  const target =
    kind === 'socket'
      ? { socketPath }
      : { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  return {
    client,
    target,
    server,
    arrived: () => once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>,
    async [Symbol.asyncDispose]() {
      await client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await dir[Symbol.asyncDispose]();
    },
  } satisfies House;
}

for (const kind of ['socket', 'port'] as const)
  test(`a request reaches a server on a ${kind} with its method, path, headers and body`, async () => {
    await using at = await house(kind, async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      response.setHeader('x-many', ['a', 'b']);
      response.statusCode = 201;
      response.end(`${request.method} ${request.url} ${request.headers['x-job']} ${body}`);
    });
    const response = await at.client.request(at.target, {
      method: 'POST',
      path: '/v1/x?y=1',
      headers: { 'x-job': 'j1' },
      body: 'hello',
    });
    assert.equal(response.status, 201);
    assert.equal(response.headers['x-many'], 'a, b');
    assert.equal(await response.body.text(), 'POST /v1/x?y=1 j1 hello');
  });

test('an abort before the answer closes the connection to the server at once', async () => {
  await using at = await house('socket');
  const stop = new AbortController();
  const arrival = at.arrived();
  const response = at.client.request(at.target, { method: 'GET', path: '/', signal: stop.signal });
  const [request] = await arrival;
  const closed = once(request.socket, 'close');
  stop.abort(new Error('the client left'));
  await assert.rejects(response, /the client left/);
  await closed;
});

test('an abort while tokens come closes the connection and ends the reading', async () => {
  await using at = await house('socket', (_, response) => void response.write('one'));
  const stop = new AbortController();
  const arrival = at.arrived();
  const response = await at.client.request(at.target, { method: 'GET', path: '/', signal: stop.signal });
  const [request] = await arrival;
  const closed = once(request.socket, 'close');
  await assert.rejects(async () => {
    for await (const chunk of response.body) {
      assert.equal(Buffer.from(chunk).toString(), 'one');
      stop.abort(new Error('cancelled'));
    }
  }, /cancelled/);
  await closed;
});

test('an abort before anybody reads the body is no uncaught error', async () => {
  await using at = await house('socket', (_, response) => void response.write('one'));
  const stop = new AbortController();
  const arrival = at.arrived();
  const response = await at.client.request(at.target, { method: 'GET', path: '/', signal: stop.signal });
  const [request] = await arrival;
  const closed = once(request.socket, 'close');
  stop.abort(new Error('cancelled'));
  await closed;
  await turn();
  await assert.rejects(response.body.text());
});

test('an abort ends the reading of an answer that has come whole, while a piece of it is dealt with', async () => {
  await using at = await house('socket', (_, response) => void response.end('all of it'));
  const stop = new AbortController();
  const response = await at.client.request(at.target, { method: 'GET', path: '/', signal: stop.signal });
  await turn();
  const reading = eachChunk(response.body, () => new Promise(() => {}));
  stop.abort(new Error('cancelled'));
  await assert.rejects(reading, /cancelled/);
});

test('an answer that was read leaves no listener on its signal', async () => {
  await using at = await house('socket', (_, response) => void response.end('ok'));
  const { signal } = new AbortController();
  const response = await at.client.request(at.target, { method: 'GET', path: '/', signal });
  assert.equal(await response.body.text(), 'ok');
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('leaving the loop over a body closes the connection', async () => {
  await using at = await house('socket', (_, response) => void response.write('one'));
  const arrival = at.arrived();
  const response = await at.client.request(at.target, { method: 'GET', path: '/' });
  const [request] = await arrival;
  const closed = once(request.socket, 'close');
  for await (const _ of response.body) break;
  await closed;
});

test('a server that dies in the middle of a body is an error, not an end', async () => {
  await using at = await house('socket', (_, response) => void response.write('one'));
  const response = await at.client.request(at.target, { method: 'GET', path: '/' });
  await assert.rejects(async () => {
    for await (const _ of response.body) at.server.closeAllConnections();
  });
});

test('many requests run at once on one server', async () => {
  const waiting: ServerResponse[] = [];
  await using at = await house('socket', (_, response) => {
    waiting.push(response);
    if (waiting.length === 64) for (const each of waiting) each.end('ok');
  });
  const responses = await Promise.all(
    Array.from({ length: 64 }, () => at.client.request(at.target, { method: 'GET', path: '/' })),
  );
  for (const { body } of responses) assert.equal(await body.text(), 'ok');
});

test('a server that is forgotten loses its connections, and a new one at the same place is reached', async () => {
  await using at = await house('socket', (_, response) => void response.end('ok'));
  const arrival = at.arrived();
  const first = await at.client.request(at.target, { method: 'GET', path: '/' });
  const [request] = await arrival;
  const closed = once(request.socket, 'close');
  await first.body.text();
  at.client.forget(at.target);
  await closed;
  const second = await at.client.request(at.target, { method: 'GET', path: '/' });
  assert.equal(await second.body.text(), 'ok');
});

test('a server that is not there is an error that names the reason', async () => {
  await using dir = await TempDir.create();
  const client = new HttpClient();
  const gone = { socketPath: join(dir.dir, 'none') };
  await assert.rejects(client.request(gone, { method: 'GET', path: '/' }), { code: 'ENOENT' });
  await client.close();
});

test('a redirect is an answer like any other', async () => {
  await using at = await house('port', (_, response) => {
    response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
  });
  const response = await at.client.request(at.target, { method: 'GET', path: '/' });
  assert.equal(response.status, 302);
  await response.body.text();
});
