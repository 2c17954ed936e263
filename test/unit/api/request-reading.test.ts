import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nestsDeeperThan } from '../../../src/api/json-depth.ts';
import { clientPatienceMs, isRetry, preferencesOf, waitBudgetMs } from '../../../src/api/request-headers.ts';
import { paramOf } from '../../../src/api/validation.ts';
import { parseRange } from '../../../src/platform/byte-range.ts';

test('Prefer is a list in any order and case; what is unknown is ignored', () => {
  const cases: readonly [string | undefined, boolean, number | null][] = [
    [undefined, false, null],
    ['respond-async', true, null],
    ['wait=5', false, 5000],
    ['respond-async, wait=5', true, 5000],
    ['wait=5;foo, Respond-Async', true, 5000],
    ['handling=lenient; wait = "7"', false, 7000],
    ['wait=-1', false, null],
    ['wait=soon', false, null],
    ['respond-asynchronously', false, null],
  ];
  for (const [prefer, respondAsync, waitMs] of cases) {
    assert.deepEqual(preferencesOf(prefer === undefined ? {} : { prefer }), { respondAsync, waitMs }, prefer);
  }
});

test('the shortest of what binds a wait binds it', () => {
  assert.equal(waitBudgetMs({}, 280_000), 280_000);
  assert.equal(waitBudgetMs({ prefer: 'wait=0' }, 280_000), 0);
  assert.equal(waitBudgetMs({ prefer: 'wait=600' }, 280_000), 280_000);
  assert.equal(waitBudgetMs({ 'x-stainless-read-timeout': '600' }, 280_000), 280_000);
  assert.equal(waitBudgetMs({ 'x-stainless-timeout': '60', prefer: 'wait=59' }, 280_000), 55_000);
  assert.equal(waitBudgetMs({ 'x-stainless-timeout': '6' }, 280_000), 3000);
});

test('a client that says nonsense about its timeout has said nothing', () => {
  for (const value of ['', '0', '-5', 'NOT_GIVEN', 'NaN']) {
    assert.equal(clientPatienceMs({ 'x-stainless-timeout': value }), null, value);
  }
  assert.equal(clientPatienceMs({ 'x-stainless-timeout': '2.5', 'x-stainless-read-timeout': '9' }), 2500);
});

test('only a count of one and more is a retry', () => {
  assert.equal(isRetry({}), false);
  assert.equal(isRetry({ 'x-stainless-retry-count': '0' }), false);
  assert.equal(isRetry({ 'x-stainless-retry-count': 'x' }), false);
  assert.equal(isRetry({ 'x-stainless-retry-count': '2' }), true);
});

test('nesting counts brackets outside of strings only', () => {
  assert.equal(nestsDeeperThan('[[1]]', 2), false);
  assert.equal(nestsDeeperThan('[[[1]]]', 2), true);
  assert.equal(nestsDeeperThan('{"a":{"b":{}}}', 2), true);
  assert.equal(nestsDeeperThan('{"a":"[[[[[["}', 1), false);
  assert.equal(nestsDeeperThan('{"a":"\\"[[[["}', 1), false);
  assert.equal(nestsDeeperThan('{"a":"\\\\","b":[[]]}', 2), true);
  assert.equal(nestsDeeperThan(`[${'[],'.repeat(1000)}1]`, 2), false);
  assert.equal(nestsDeeperThan('"never closed [[[[', 1), false);
});

test('a parameter is named as a programmer would write it', () => {
  assert.equal(paramOf(['messages', 0, 'content', 2, 'type']), 'messages[0].content[2].type');
  assert.equal(paramOf(['n']), 'n');
});

test('a range of an empty file cannot be had', () => {
  assert.equal(parseRange('bytes=0-', 0), 'unsatisfiable');
  assert.equal(parseRange('bytes=-5', 0), 'unsatisfiable');
  assert.equal(parseRange('bytes=-0', 10), 'unsatisfiable');
  assert.equal(parseRange(undefined, 10), null);
  assert.deepEqual(parseRange('bytes=9-9', 10), { start: 9, end: 9 });
});
