import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { PiecewiseBody } from '../../../src/api/piecewise-body.ts';
import { TempDir } from '../../helpers/temp-dir.ts';

/** A server that answers so, and the bytes of its answers to these requests on one connection. */
async function exchange(requests: string, answer: RequestListener): Promise<string> {
  await using dir = await TempDir.create();
  const server = createServer(answer).listen(dir.path('s'));
  await once(server, 'listening');
  try {
    const socket = connect(dir.path('s'));
    socket.write(requests);
    return await text(socket);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const lastRequest = (version: string) => `GET / HTTP/${version}\r\nhost: x\r\nconnection: close\r\n\r\n`;

function sendAll(response: ServerResponse, pieces: readonly string[]): void {
  const body = new PiecewiseBody(response);
  for (const piece of pieces) body.write(piece);
  response.end('end');
}

/** Reads a chunked body by its lengths, which count bytes. */
function chunksOf(answer: string): string[] {
  let rest = Buffer.from(answer.slice(answer.indexOf('\r\n\r\n') + 4));
  const chunks: string[] = [];
  for (;;) {
    const at = rest.indexOf('\r\n');
    const length = Number.parseInt(rest.toString('latin1', 0, at), 16);
    if (length === 0) return chunks;
    const end = at + 2 + length;
    chunks.push(rest.toString('utf8', at + 2, end));
    assert.equal(rest.toString('latin1', end, end + 2), '\r\n');
    rest = rest.subarray(end + 2);
  }
}

test('every piece is a chunk of its own, whose length counts bytes', async () => {
  const pieces = ['data: one\n\n', 'data: größer 🚂\n\n', 'x'.repeat(5000)];
  const answer = await exchange(lastRequest('1.1'), (_, response) => sendAll(response, pieces));
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  assert.deepEqual(chunksOf(answer), [...pieces, 'end']);
});

test('a piece of nothing does not end the body', async () => {
  const answer = await exchange(lastRequest('1.1'), (_, response) => sendAll(response, ['a', '', 'b']));
  assert.deepEqual(chunksOf(answer), ['a', 'b', 'end']);
});

test('a client that knows no chunks gets the pieces as they are', async () => {
  const answer = await exchange(lastRequest('1.0'), (_, response) => sendAll(response, ['a', 'b']));
  assert.equal(answer.slice(answer.indexOf('\r\n\r\n') + 4), 'abend');
});

test('what is written while the answer before it is still under way comes behind that', async () => {
  const waiting: ServerResponse[] = [];
  const twice = `GET / HTTP/1.1\r\nhost: x\r\n\r\n${lastRequest('1.1')}`;
  const answer = await exchange(twice, (_, response) => {
    waiting.push(response);
    const [first, second] = waiting;
    if (first === undefined || second === undefined) return;
    const late = new PiecewiseBody(second);
    for (const piece of ['c', 'd']) late.write(piece);
    sendAll(first, ['a', 'b']);
    first.once('close', () => {
      late.write('e');
      second.end('f');
    });
  });
  const [, first = '', second = ''] = answer.split('HTTP/1.1 200 OK');
  assert.deepEqual(
    [chunksOf(first), chunksOf(second)],
    [
      ['a', 'b', 'end'],
      ['c', 'd', 'e', 'f'],
    ],
  );
});

test('the headers leave before what follows them, and then every piece is one write', async ({ mock }) => {
  let writes: string[] = [];
  const answer = await exchange(lastRequest('1.1'), (_, response) => {
    response.writeHead(201);
    const body = new PiecewiseBody(response);
    body.write('a');
    const { mock: seen } = mock.method(response.socket as Socket, 'write');
    for (const piece of ['b', 'cc']) body.write(piece);
    writes = seen.calls.map(({ arguments: [text] }) => text as string);
    response.end();
  });
  assert.match(answer, /^HTTP\/1\.1 201 Created\r\n/);
  assert.deepEqual(chunksOf(answer), ['a', 'b', 'cc']);
  assert.deepEqual(writes, ['1\r\nb\r\n', '2\r\ncc\r\n']);
});

test('nothing is put behind the end of a response', async () => {
  const faults: unknown[] = [];
  const answer = await exchange(lastRequest('1.1'), (_, response) => {
    response.on('error', ({ code }: NodeJS.ErrnoException) => faults.push(code));
    const body = new PiecewiseBody(response);
    body.write('a');
    response.end();
    body.write('b');
  });
  assert.deepEqual(chunksOf(answer), ['a']);
  assert.doesNotMatch(answer, /b\r\n$/);
  assert.deepEqual(faults, ['ERR_STREAM_WRITE_AFTER_END']);
});
