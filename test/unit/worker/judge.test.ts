import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import { GenerationFailed } from '../../../src/worker/generation-failed.ts';
import { type BrokenOff, judge } from '../../../src/worker/judge.ts';

const facts: BrokenOff = {
  model: 'chat',
  error: new Error('other side closed'),
  claimEnd: undefined,
  serverEnd: undefined,
  overrun: null,
  executionTimeoutMs: 60_000,
  isStopping: false,
};
const told = (fault: 'caller' | 'model' | 'server', isServerBroken = false) =>
  new GenerationFailed(errors.modelError('told').toBody(), fault, isServerBroken);
const crash = errors.modelCrashed('chat', 'SIGSEGV');
const cancel = errors.cancelled('job_1');

const table: readonly [string, Partial<BrokenOff>, string, string | null][] = [
  ['a broken connection is tried again', {}, 'retry model_crashed', null],
  ['a server that died is tried again, with its reason', { serverEnd: crash }, 'retry model_crashed', null],
  ['a cancellation is one', { claimEnd: cancel }, 'cancelled', null],
  ['a cancellation wins over a crash', { claimEnd: cancel, serverEnd: crash }, 'cancelled', null],
  ['a client that is gone cancels', { claimEnd: new Error('its client is gone') }, 'cancelled', null],
  ['a lost lock is another attempt', { claimEnd: errors.workerLost() }, 'retry worker_lost', null],
  ['a run over its limit fails', { overrun: 'the execution limit' }, 'failed execution_timeout', null],
  [
    'a silent server is ended and tried again',
    { overrun: 'no first token' },
    'retry model_hung',
    'no first token',
  ],
  ['a stop puts back', { isStopping: true }, 'snooze', null],
  [
    'a silence during a stop is still one',
    { overrun: 'no further token', isStopping: true },
    'retry model_hung',
    'no further token',
  ],
  ['a refusal of the caller fails', { error: told('caller') }, 'failed model_error', null],
  ['a failure of the model fails', { error: told('model') }, 'failed model_error', null],
  ['a failure of the server is tried again', { error: told('server') }, 'retry model_error', null],
  ['a broken server is ended', { error: told('server', true) }, 'retry model_error', 'told'],
  ['a full disk fails', { error: errors.storageFull('x') }, 'failed storage_full', null],
];

for (const [name, over, expected, killBecause] of table) {
  test(`an attempt broke off: ${name}`, () => {
    const verdict = judge({ ...facts, ...over });
    const { outcome } = verdict;
    const code = 'error' in outcome ? ` ${outcome.error.code}` : '';
    assert.deepEqual([`${outcome.kind}${code}`, verdict.killBecause], [expected, killBecause]);
  });
}
