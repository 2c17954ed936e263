import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAtLeast, serverProblem } from '../../../src/queue/server-check.ts';

const info = (version: string, policy: string) =>
  `# Server\r\nredis_version:${version}\r\nredis_mode:standalone\r\n# Memory\r\nmaxmemory_policy:${policy}\r\n`;

test('a server that keeps everything and is new enough has no problem', () => {
  assert.equal(serverProblem(info('6.2.0', 'noeviction')), null);
  assert.equal(serverProblem(info('9.1.2', 'noeviction')), null);
});

test('a server that evicts would lose jobs and is named with the command that changes it', () => {
  assert.match(serverProblem(info('7.0.15', 'allkeys-lru')) ?? '', /CONFIG SET maxmemory-policy noeviction/);
});

test('a server that is too old is named', () => {
  assert.match(serverProblem(info('6.0.16', 'noeviction')) ?? '', /6\.0\.16 is too old/);
});

test('versions compare as numbers', () => {
  assert.equal(isAtLeast('6.10.1', [6, 2]), true);
  assert.equal(isAtLeast('5.9', [6, 2]), false);
  assert.equal(isAtLeast('10.0', [6, 2]), true);
});
