import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { WebhookPolicy } from '../../../src/contracts/registry.ts';
import { createGuardedClient, type Resolver } from '../../../src/platform/webhook-address.ts';

const { deny_url_spellings: spellings } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/webhook-addresses.json'), 'utf8'),
) as { deny_url_spellings: string[] };

const strict: WebhookPolicy = { allowHttp: true, allowCidrs: [] };
const loopback: WebhookPolicy = { allowHttp: true, allowCidrs: ['127.0.0.0/8'] };
const post = { headers: {}, body: '{}', timeoutMs: 15_000, maxResponseBytes: 65_536 };
const to =
  (...addresses: string[]): Resolver =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

/** A server on loopback that counts every connection, whatever is sent over it. */
async function receiver(answer: RequestListener = (_, response) => void response.end('fine')) {
  const seen = { connections: 0, hosts: [] as (string | undefined)[] };
  const server = createServer((request, response) => {
    seen.hosts.push(request.headers.host);
    request.resume();
    answer(request, response);
  });
  server.on('connection', () => {
    seen.connections += 1;
  });
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  return {
    seen,
    server,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('no spelling of loopback reaches a server that listens there', async () => {
  await using at = await receiver();
  const client = createGuardedClient(strict);
  for (const url of spellings) {
    const target = new URL(url);
    target.port = String(at.port);
    await assert.rejects(client.post(target.href, post), { code: 'webhook_address_blocked' }, url);
  }
  assert.equal(at.seen.connections, 0);
});

test('a public name that resolves to loopback is blocked before a connection', async () => {
  await using at = await receiver();
  for (const addresses of [
    ['127.0.0.1'],
    ['::ffff:127.0.0.1'],
    ['1.1.1.1', '127.0.0.1'],
    ['127.0.0.1', '1.1.1.1'],
  ]) {
    const client = createGuardedClient(strict, to(...addresses));
    await assert.rejects(client.post(`http://hook.example:${at.port}/`, post), {
      code: 'webhook_address_blocked',
    });
  }
  assert.equal(at.seen.connections, 0);
});

test('a name without an address is blocked', async () => {
  const client = createGuardedClient(strict, to());
  await assert.rejects(client.post('http://hook.example/', post), { code: 'webhook_address_blocked' });
});

test('a name that changes its address after the check is asked only once', async () => {
  await using at = await receiver();
  let asked = 0;
  const client = createGuardedClient(loopback, async () => {
    asked += 1;
    return [{ address: asked === 1 ? '127.0.0.1' : '10.0.0.1', family: 4 }];
  });
  const { status } = await client.post(`http://hook.example:${at.port}/x`, post);
  assert.equal(status, 200);
  assert.equal(asked, 1);
});

test('an allowed name is reached at the checked address, and the server sees the name', async () => {
  await using at = await receiver();
  const client = createGuardedClient(loopback, to('127.0.0.1'));
  const { status, excerpt } = await client.post(`http://hook.example:${at.port}/x?y=1`, post);
  assert.equal(status, 200);
  assert.equal(excerpt, 'fine');
  assert.deepEqual(at.seen.hosts, [`hook.example:${at.port}`]);
});

test('a redirect is returned, not followed', async () => {
  await using target = await receiver();
  await using at = await receiver((_, response) => {
    response.writeHead(302, { location: `http://127.0.0.1:${target.port}/` }).end();
  });
  const client = createGuardedClient(loopback);
  const { status } = await client.post(`http://127.0.0.1:${at.port}/`, post);
  assert.equal(status, 302);
  assert.equal(target.seen.connections, 0);
});

test('a proxy in the environment is not used', async () => {
  await using proxy = await receiver();
  await using at = await receiver();
  const before = process.env.HTTP_PROXY;
  process.env.HTTP_PROXY = `http://127.0.0.1:${proxy.port}`;
  try {
    await createGuardedClient(loopback).post(`http://127.0.0.1:${at.port}/`, post);
  } finally {
    if (before === undefined) delete process.env.HTTP_PROXY;
    else process.env.HTTP_PROXY = before;
  }
  assert.equal(proxy.seen.connections, 0);
  assert.equal(at.seen.connections, 1);
});

test('an endless response is cut and its connection closed', async () => {
  const piece = 'x'.repeat(16_384);
  await using at = await receiver((_, response) => {
    const more = (): void => {
      while (response.write(piece));
      response.once('drain', more);
    };
    more();
  });
  const connected = once(at.server, 'connection');
  const client = createGuardedClient(loopback);
  const answer = client.post(`http://127.0.0.1:${at.port}/`, post);
  const [socket] = await connected;
  const closed = new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
  const { status, excerpt } = await answer;
  assert.equal(status, 200);
  assert.equal(excerpt.length, 512);
  await closed;
});

test('a receiver that never answers is given up', async () => {
  await using at = await receiver(() => {});
  const client = createGuardedClient(loopback);
  const hanging = client.post(`http://127.0.0.1:${at.port}/`, { ...post, timeoutMs: 50 });
  await assert.rejects(hanging, { name: 'TimeoutError' });
});

test('a receiver that answers and then stalls has answered', async () => {
  await using at = await receiver((_, response) => void response.writeHead(202).write('a'));
  const client = createGuardedClient(loopback);
  const { status, excerpt } = await client.post(`http://127.0.0.1:${at.port}/`, { ...post, timeoutMs: 2000 });
  assert.equal(status, 202);
  assert.equal(excerpt, 'a');
});

test('closing the client ends what is under way', async () => {
  await using at = await receiver(() => {});
  const arrived = once(at.server, 'request');
  const client = createGuardedClient(loopback);
  const hanging = assert.rejects(client.post(`http://127.0.0.1:${at.port}/`, post), /closed/);
  await arrived;
  await client.close();
  await hanging;
});

test('TLS is spoken with the name, not with the address', async () => {
  const names: string[] = [];
  const server = createTlsServer({
    SNICallback: (name, callback) => {
      names.push(name);
      callback(new Error('no certificate here'));
    },
  });
  server.on('tlsClientError', () => {});
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    const client = createGuardedClient(loopback, to('127.0.0.1'));
    await assert.rejects(client.post(`https://hook.example:${port}/`, post));
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
  assert.deepEqual(names, ['hook.example']);
});
