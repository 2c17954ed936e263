import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiBox, apiKey, errorOf, otherKey } from '../../fakes/api-box.ts';

const headersOf = (headers: Record<string, string>): RequestInit => ({ headers });

test('a request without a key is told where to find one, also on loopback and whatever its headers claim', async () => {
  await using box = await ApiBox.open();
  const claims = {
    'x-forwarded-for': '127.0.0.1',
    'x-real-ip': '127.0.0.1',
    'tailscale-user-login': 'admin@example.com',
    host: 'localhost',
  };
  for (const path of [
    '/v1/models',
    '/jobs',
    '/admin/history',
    '/nothing-here',
    '//v1/models',
    '/v1/../v1/models',
  ]) {
    const response = await fetch(`${box.url}${path}`, headersOf(claims));
    assert.equal(response.status, 401, path);
    assert.equal(response.headers.get('www-authenticate'), 'Bearer');
    assert.equal(response.headers.get('x-should-retry'), 'false');
    const error = await errorOf(response);
    assert.equal(error.code, 'missing_api_key');
    assert.equal(error.type, 'authentication_error');
    assert.equal(error.param, null);
    assert.match(error.message, /api-key/);
  }
});

test('a wrong key is refused before the body is looked at', async () => {
  await using box = await ApiBox.open();
  const response = await box.fetch('/v1/chat/completions', {
    method: 'POST',
    body: 'not json',
    headers: { authorization: `Bearer ${apiKey}x` },
  });
  assert.equal(response.status, 401);
  assert.equal((await errorOf(response)).code, 'invalid_api_key');
});

test('a key counts as Bearer in any case and as X-API-Key', async () => {
  await using box = await ApiBox.open();
  const accepted = [
    { authorization: `Bearer ${apiKey}` },
    { authorization: `bearer  ${apiKey}` },
    { 'x-api-key': otherKey },
    { authorization: 'Basic dXNlcjpwYXNz', 'x-api-key': apiKey },
  ];
  for (const headers of accepted) {
    const response = await fetch(`${box.url}/v1/models`, headersOf(headers));
    assert.equal(response.status, 200, JSON.stringify(headers));
  }
  const refused = [
    { authorization: apiKey },
    { authorization: `Bearer ${apiKey} ${apiKey}` },
    { 'x-api-key': '' },
  ];
  for (const headers of refused) {
    const response = await fetch(`${box.url}/v1/models`, headersOf(headers));
    assert.equal(response.status, 401, JSON.stringify(headers));
  }
});

test("another key's job does not exist", async () => {
  await using box = await ApiBox.open();
  const created = await box.post('/jobs', { model: 'piper', input: { input: 'hello' } });
  const { id } = (await created.json()) as { id: string };
  const asOther = { authorization: `Bearer ${otherKey}` };
  const calls = [
    box.fetch(`/jobs/${id}`, { headers: asOther }),
    box.fetch(`/jobs/${id}?wait=5`, { headers: asOther }),
    box.fetch(`/jobs/${id}/content`, { headers: asOther }),
    box.fetch(`/jobs/${id}/cancel`, { method: 'POST', headers: asOther }),
  ];
  for (const response of await Promise.all(calls)) {
    assert.equal(response.status, 404);
    assert.equal((await errorOf(response)).code, 'job_not_found');
  }
  const list = await box.fetch('/jobs', { headers: asOther });
  assert.deepEqual(((await list.json()) as { data: unknown[] }).data, []);
  assert.equal((await box.nextJob()).record.status, 'queued');
});

test('health and readiness need no key', async () => {
  await using box = await ApiBox.open();
  assert.equal((await fetch(`${box.url}/health`)).status, 200);
  assert.equal((await fetch(`${box.url}/ready`)).status, 200);
});
