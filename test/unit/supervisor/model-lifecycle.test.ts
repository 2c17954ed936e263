import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BootId } from '../../../src/contracts/ids.ts';
import { modelTransitions } from '../../../src/contracts/model.ts';
import {
  type LifecycleEvent,
  newServer,
  nextStep,
  type ServerStatus,
} from '../../../src/supervisor/model-lifecycle.ts';
import { fc } from '../../helpers/properties.ts';

const boot = 'b1' as BootId;
const start: LifecycleEvent = { type: 'start', bootId: boot };
const loading: LifecycleEvent = { type: 'loading', progress: 0.4, phase: 'weights' };
const ready: LifecycleEvent = { type: 'ready' };
const failed: LifecycleEvent = { type: 'failed', reason: 'it broke', logTail: ['last words'] };
const stop: LifecycleEvent = { type: 'stop', reason: 'swap' };
const gone: LifecycleEvent = { type: 'gone' };

function after(...events: readonly LifecycleEvent[]): ServerStatus {
  return events.reduce((status, event, at) => nextStep(status, event, at + 1).status, newServer(0));
}

const effectKinds = (status: ServerStatus, event: LifecycleEvent) =>
  nextStep(status, event, 99).effects.map(({ kind }) => kind);

test('a start that goes well passes every state on the way', () => {
  assert.equal(after(start).state, 'starting');
  assert.equal(after(start, loading).state, 'loading');
  assert.equal(after(start, loading, ready).state, 'ready');
  assert.equal(after(start, loading, ready, stop).state, 'stopping');
  assert.equal(after(start, loading, ready, stop, gone).state, 'stopped');
});

test('progress of the load is shown while it loads, and not after', () => {
  assert.equal(after(start, loading).loadProgress, 0.4);
  assert.equal(after(start, loading).loadPhase, 'weights');
  assert.equal(after(start, loading, ready).loadProgress, null);
});

test('progress never goes back within a phase, whichever way it was told', () => {
  const older: LifecycleEvent = { type: 'loading', progress: 0.3, phase: 'weights' };
  const later: LifecycleEvent = { type: 'loading', progress: 0.1, phase: 'warm-up' };
  assert.equal(after(start, loading, older).loadProgress, 0.4);
  assert.equal(after(start, loading, later).loadProgress, 0.1);
});

test('the pid is known also where the launcher tells it after all else', () => {
  assert.equal(after(start, loading, ready, { type: 'spawned', pid: 7 }).pid, 7);
});

test('the moment of a state is that of its beginning, not of what happens in it', () => {
  assert.equal(after(start, loading, loading, loading).sinceMs, 2);
});

test('failed starts in a row are counted, and a success forgets them', () => {
  assert.equal(after(start, failed).failure?.failures, 1);
  assert.equal(after(start, failed, start, loading, failed).failure?.failures, 2);
  assert.equal(after(start, failed, start).failure?.failures, 1);
  assert.equal(after(start, failed, start, ready).failure, null);
});

test('a crash of a ready server is no failed start', () => {
  const { failure, state } = after(start, ready, failed);
  assert.equal(state, 'failed');
  assert.deepEqual(failure, { reason: 'it broke', logTail: ['last words'], atMs: 3, failures: 0 });
});

test('a failure ends the tree and all leases', () => {
  assert.deepEqual(effectKinds(after(start, ready), failed), ['announce', 'revoke-leases', 'kill']);
});

test('a ready server is ended with grace, a loading one without', () => {
  assert.deepEqual(effectKinds(after(start, ready), stop), ['announce', 'terminate']);
  assert.deepEqual(effectKinds(after(start, loading), stop), ['announce', 'kill']);
});

test('what comes too late changes nothing', () => {
  const stopping = after(start, ready, stop);
  for (const late of [loading, ready, failed, stop]) {
    const step = nextStep(stopping, late, 99);
    assert.equal(step.status, stopping);
    assert.deepEqual(step.effects, []);
  }
});

test('whatever happens in whatever order, a state only moves as the table says', () => {
  const anyEvent = fc.constantFrom(start, loading, ready, failed, stop, gone, {
    type: 'spawned',
    pid: 7,
  } as const);
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
      let status = newServer(0);
      for (const [at, event] of events.entries()) {
        const next = nextStep(status, event, at).status;
        const allowed: readonly string[] = modelTransitions[status.state];
        assert.ok(
          next.state === status.state || allowed.includes(next.state),
          `${status.state} → ${next.state}`,
        );
        status = next;
      }
    }),
  );
});

test('a change of state is announced exactly once, and only then', () => {
  const anyEvent = fc.constantFrom(start, loading, ready, failed, stop, gone);
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
      let status = newServer(0);
      for (const [at, event] of events.entries()) {
        const step = nextStep(status, event, at);
        const announced = step.effects.filter(({ kind }) => kind === 'announce').length;
        assert.equal(announced, step.status.state === status.state ? 0 : 1);
        status = step.status;
      }
    }),
  );
});
