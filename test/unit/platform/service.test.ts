import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Service, startAll, stopAll } from '../../../src/platform/service.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

const never = new AbortController().signal;

function house(names: readonly string[], broken: Partial<Record<string, Partial<Service>>> = {}) {
  const calls: string[] = [];
  const services = names.map(
    (name): Service => ({
      name,
      start: async () => void calls.push(`start ${name}`),
      stop: async () => void calls.push(`stop ${name}`),
      ...broken[name],
    }),
  );
  return { calls, services };
}

test('services start in order and stop backwards', async () => {
  const { calls, services } = house(['a', 'b', 'c']);
  await startAll(services);
  await stopAll(services, never);
  assert.deepEqual(calls, ['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
});

test('a start that fails stops those before it, starts none after it, and its error is thrown', async () => {
  const start = async (): Promise<void> => Promise.reject(new Error('port taken'));
  const { calls, services } = house(['a', 'b', 'c', 'd'], { c: { start } });
  await assert.rejects(startAll(services), /port taken/);
  assert.deepEqual(calls, ['start a', 'start b', 'stop b', 'stop a']);
});

test('the error of a failed start is not hidden by a failed stop', async () => {
  const start = async (): Promise<void> => Promise.reject(new Error('port taken'));
  const stop = async (): Promise<void> => Promise.reject(new Error('stuck'));
  const { services } = house(['a', 'b'], { a: { stop }, b: { start } });
  await assert.rejects(startAll(services), /port taken/);
});

test('a stop that fails does not keep the others running, and is told at the end', async () => {
  const { calls, services } = house(['a', 'b', 'c'], {
    b: { stop: () => Promise.reject(new Error('stuck')) },
    c: {
      stop: () => {
        throw new Error('at once');
      },
    },
  });
  await assert.rejects(stopAll(services, never), (error: Error) => {
    assert.ok(error instanceof AggregateError);
    assert.equal(error.message, 'c: at once; b: stuck');
    return true;
  });
  assert.deepEqual(calls, ['stop a']);
});

test('a stop that hangs past the deadline is left behind after some overtime', async () => {
  const clock = new FakeClock();
  const deadline = new AbortController();
  const { calls, services } = house(['a', 'b'], { b: { stop: () => new Promise(() => {}) } });
  const stopped = assert.rejects(stopAll(services, deadline.signal, clock), /b: still stopping/);
  deadline.abort();
  await clock.whenPending();
  await clock.advance(5_000);
  await stopped;
  assert.deepEqual(calls, ['stop a']);
});

test('a stop may use the overtime', async () => {
  const clock = new FakeClock();
  const { calls, services } = house(['a', 'b'], { b: { stop: () => clock.sleep(4_000) } });
  const stopped = stopAll(services, AbortSignal.abort(), clock);
  await clock.whenPending();
  await clock.advance(4_000);
  await stopped;
  assert.deepEqual(calls, ['stop a']);
  assert.equal(clock.pending, 0);
});
