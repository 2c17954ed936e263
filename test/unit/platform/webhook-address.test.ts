import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RoundhouseError } from '../../../src/contracts/errors.ts';
import type { WebhookPolicy } from '../../../src/contracts/registry.ts';
import { isAllowedAddress } from '../../../src/platform/public-address.ts';
import { checkWebhookUrl } from '../../../src/platform/webhook-address.ts';

const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/webhook-addresses.json'), 'utf8'),
) as { deny_addresses: string[]; allow_addresses: string[]; deny_url_spellings: string[] };

const strict: WebhookPolicy = { allowHttp: false, allowCidrs: [] };
const withHttp: WebhookPolicy = { allowHttp: true, allowCidrs: [] };
const codeOf = (url: string, policy = strict): string | null => {
  try {
    checkWebhookUrl(url, policy);
    return null;
  } catch (error) {
    assert.ok(error instanceof RoundhouseError);
    assert.equal(error.status, 400);
    assert.equal(error.param, 'webhook');
    return error.code;
  }
};

for (const address of vectors.deny_addresses)
  test(`${address} is not public`, () => assert.equal(isAllowedAddress(address, strict), false));

for (const address of vectors.allow_addresses)
  test(`${address} is public`, () => assert.equal(isAllowedAddress(address, strict), true));

for (const text of [
  '',
  'localhost',
  '::127.0.0.1',
  'fec0::1',
  '4000::1',
  '1.1.1.1 ',
  '1.1.1.1%eth0',
  'fe80::1%lo',
])
  test(`"${text}" is not taken for a public address`, () =>
    assert.equal(isAllowedAddress(text, strict), false));

test('half of a character is no address', () => {
  assert.equal(codeOf('https://example.com/\ud800'), 'invalid_webhook_url');
});

test('a network that the policy names is allowed, its neighbours are not', () => {
  const policy = { allowCidrs: ['100.64.0.0/10', 'fd7a:115c:a1e0::/48'] };
  assert.equal(isAllowedAddress('100.100.1.2', policy), true);
  assert.equal(isAllowedAddress('::ffff:100.100.1.2', policy), true);
  assert.equal(isAllowedAddress('fd7a:115c:a1e0::53', policy), true);
  assert.equal(isAllowedAddress('10.0.0.1', policy), false);
  assert.equal(isAllowedAddress('127.0.0.1', policy), false);
  assert.equal(isAllowedAddress('fd7a:115c:a1e1::53', policy), false);
});

test('a network that is none allows nothing', () => {
  assert.equal(isAllowedAddress('127.0.0.1', { allowCidrs: ['127.0.0.1', 'all', ''] }), false);
});

for (const url of vectors.deny_url_spellings)
  test(`${url} is refused as it is written`, () =>
    assert.equal(codeOf(url, withHttp), 'webhook_address_blocked'));

for (const url of [
  'https://LOCALHOST./',
  'https://a.localhost/',
  'https://127.0.0.1./x',
  'https://１２７.0.0.1/',
])
  test(`${url} is refused as it is written`, () => assert.equal(codeOf(url), 'webhook_address_blocked'));

for (const url of [
  'http://example.com/',
  'ftp://example.com/',
  'file:///etc/passwd',
  'https://user@example.com/',
  'https://user:word@example.com/',
  'https://example.com:22/',
  'example.com',
  '',
  'https://',
  `https://example.com/${'x'.repeat(2048)}`,
])
  test(`${url.slice(0, 40) || 'an empty text'} is not a webhook`, () =>
    assert.equal(codeOf(url), 'invalid_webhook_url'));

for (const url of [
  'https://example.com/hook?x=1',
  'https://example.com:8443/',
  'https://1.1.1.1/',
  'https://[2001:4860:4860::8888]/',
])
  test(`${url} is accepted`, () => assert.equal(codeOf(url), null));

test('plain http is accepted where the policy allows it', () => {
  assert.equal(codeOf('http://example.com/', withHttp), null);
});

test('an address of an allowed network is accepted', () => {
  assert.equal(codeOf('https://100.100.1.2/', { allowHttp: false, allowCidrs: ['100.64.0.0/10'] }), null);
});
