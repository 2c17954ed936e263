import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type WebhookEvent, webhookBody } from '../../../src/background/webhook-event.ts';
import { failureOfError, failureOfStatus } from '../../../src/background/webhook-failure.ts';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import type { JobRecord } from '../../../src/contracts/job.ts';
import { aRecord } from '../../fakes/a-record.ts';

const linksFrom = (baseUrl: string) => ({ baseUrl, queryOf: () => 'exp=9&sig=s' });
const eventOf = (record: JobRecord): WebhookEvent =>
  JSON.parse(
    webhookBody('evt_01K000000000000000000000AA', record, linksFrom('https://box.example')),
  ) as WebhookEvent;

test('an event names what happened, when, and the job as the API shows it', () => {
  const event = eventOf(aRecord({ status: 'completed', completedAtMs: Date.UTC(2026, 0, 1, 0, 0, 5, 250) }));
  assert.equal(event.id, 'evt_01K000000000000000000000AA');
  assert.equal(event.object, 'event');
  assert.equal(event.type, 'job.completed');
  assert.equal(event.created_at, Date.UTC(2026, 0, 1, 0, 0, 5) / 1000);
  assert.equal(event.timestamp, '2026-01-01T00:00:05.250Z');
  assert.equal(event.data.status, 'completed');
  assert.equal(event.data.urls.get, `https://box.example/jobs/${event.data.id}`);
  assert.equal('truncated' in event.data, false);
});

for (const status of ['failed', 'cancelled', 'expired'] as const)
  test(`a job that is ${status} tells so`, () => {
    assert.equal(eventOf(aRecord({ status })).type, `job.${status}`);
  });

test('a file is a link', () => {
  const file = { index: 0, contentType: 'audio/wav', bytes: 3, sha256: 'aa' };
  const { data } = eventOf(aRecord({ status: 'completed', files: [file], output: null }));
  assert.equal(data.files[0]?.url, `https://box.example/jobs/${data.id}/content/0?exp=9&sig=s`);
});

test('an output that makes the event too big is left out, and the event says so', () => {
  const { data } = eventOf(aRecord({ status: 'completed', output: { text: 'ü'.repeat(10_000) } }));
  assert.equal(data.output, null);
  assert.equal(data.truncated, true);
  const small = eventOf(aRecord({ status: 'completed', output: { text: 'x'.repeat(10_000) } }));
  assert.deepEqual(small.data.output, { text: 'x'.repeat(10_000) });
  assert.equal('truncated' in small.data, false);
});

test('a log tail in an error does not make the event too big', () => {
  const error = errors.modelLoadFailed('m', 'boom', ['x'.repeat(100_000)], 5).toBody();
  const body = webhookBody('evt_1', aRecord({ status: 'failed', error }), linksFrom(''));
  assert.ok(Buffer.byteLength(body) < 20_000);
  assert.match((JSON.parse(body) as WebhookEvent).data.error?.message ?? '', /could not be started: boom/);
});

for (const [status, failure] of [
  [200, null],
  [204, null],
  [299, null],
  [301, { kind: 'redirect', isFinal: false }],
  [304, { kind: 'redirect', isFinal: false }],
  [400, { kind: 'http_status', isFinal: false }],
  [410, { kind: 'http_status', isFinal: true }],
  [503, { kind: 'http_status', isFinal: false }],
] as const)
  test(`a receiver that answers ${status} ${failure === null ? 'has it' : `is a failure of kind ${failure.kind}`}`, () => {
    const found = failureOfStatus(status);
    assert.deepEqual(found && { kind: found.kind, isFinal: found.isFinal }, failure);
  });

const coded = (code: string): Error => Object.assign(new Error('it broke'), { code });
for (const [name, error, kind, isFinal] of [
  ['an unknown name', coded('ENOTFOUND'), 'dns', false],
  ['a resolver that is away', coded('EAI_AGAIN'), 'dns', false],
  ['a refused connection', coded('ECONNREFUSED'), 'connect', false],
  ['a connection that breaks', coded('UND_ERR_SOCKET'), 'connect', false],
  ['a slow connection', coded('UND_ERR_CONNECT_TIMEOUT'), 'timeout', false],
  ['no answer', new DOMException('too slow', 'TimeoutError'), 'timeout', false],
  ['an old certificate', coded('CERT_HAS_EXPIRED'), 'tls', false],
  ['a certificate of its own', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'tls', false],
  ['a wrong name in a certificate', coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'tls', false],
  ['nonsense in place of HTTP', coded('HPE_INVALID_CONSTANT'), 'other', false],
  ['a private address', errors.webhookAddressBlocked('10.0.0.1'), 'blocked_address', true],
  ['a URL that is no longer allowed', errors.invalidWebhookUrl('plain http'), 'invalid_url', true],
] as const)
  test(`${name} is a failure of kind ${kind}${isFinal ? ' and not tried again' : ''}`, () => {
    const failure = failureOfError(error);
    assert.deepEqual([failure.kind, failure.isFinal], [kind, isFinal]);
    assert.notEqual(failure.detail, '');
  });
