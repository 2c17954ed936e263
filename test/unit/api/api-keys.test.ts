import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { findKey, parseApiKey } from '../../../src/api/api-keys.ts';
import { presentedKey } from '../../../src/api/middleware/authenticate.ts';

const hex = createHash('sha256').update('rh_secret').digest('hex');

test('a key is the same, whether it is configured plain or as its digest', () => {
  assert.deepEqual(parseApiKey('rh_secret'), parseApiKey(`sha256:${hex}`));
  assert.equal(parseApiKey('rh_secret').id, hex.slice(0, 12));
});

test('a key is found among many by what it is, not by its digest', () => {
  const keys = ['a', 'b', 'rh_secret', 'c'].map(parseApiKey);
  assert.equal(findKey(keys, 'rh_secret'), hex.slice(0, 12));
  assert.equal(findKey(keys, hex), null);
  assert.equal(findKey(keys, `sha256:${hex}`), null);
  assert.equal(findKey(keys, ''), null);
  assert.equal(findKey([], 'rh_secret'), null);
});

test('what is kept of a key does not contain it', () => {
  assert.doesNotMatch(JSON.stringify(parseApiKey('rh_secret')), /rh_secret/);
});

test('a key is read from Authorization first, then from X-API-Key', () => {
  assert.equal(presentedKey({ authorization: 'Bearer one', 'x-api-key': 'two' }), 'one');
  assert.equal(presentedKey({ authorization: 'BEARER one' }), 'one');
  assert.equal(presentedKey({ 'x-api-key': 'two' }), 'two');
  assert.equal(presentedKey({ authorization: 'Bearer' }), null);
  assert.equal(presentedKey({ authorization: 'Token one' }), null);
  assert.equal(presentedKey({}), null);
});
