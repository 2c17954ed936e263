import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuseHopelessWait } from '../../../src/api/admission.ts';
import type { BoardState } from '../../../src/api/board-view.ts';
import { drainS, startsInMs } from '../../../src/api/forecast.ts';
import { pollAfterMs } from '../../../src/api/poll-hint.ts';
import { waitComment } from '../../../src/api/wait-comment.ts';
import type { RoundhouseError } from '../../../src/contracts/errors.ts';
import type { ModelId } from '../../../src/contracts/ids.ts';
import type { ModelView } from '../../../src/contracts/model.ts';
import { aModelSpec } from '../../fakes/a-registry.ts';
import { aModelView } from '../../fakes/fake-board.ts';

const nowMs = 1_790_000_000_000;
const spec = aModelSpec('m', { startupTimeMs: 20_000, serviceTimeMs: 4000, concurrency: 2, queueCap: 10 });

const board = (...views: ModelView[]): BoardState => ({
  atMs: nowMs,
  paused: new Set(),
  workers: views.map((view, at) => ({
    name: `w${at}`,
    bootId: 'b',
    atMs: nowMs,
    startedAtMs: nowMs,
    host: 'here',
    artifactUrl: null,
    models: [view],
    estimates: at === 0 ? {} : { m: { loadMs: 10_000, serviceMs: 2000 } },
  })),
});

test('a job starts after the load that is left and those before it', () => {
  assert.equal(startsInMs(1, spec, null), 20_000);
  assert.equal(startsInMs(3, spec, null), 24_000);
  assert.equal(startsInMs(3, spec, board(aModelView('m'))), 4000);
  assert.equal(startsInMs(1, spec, board(aModelView('m', { state: 'loading', loadProgress: 0.75 }))), 5000);
  assert.equal(startsInMs(3, spec, board(aModelView('other'), aModelView('m'))), 2000);
  assert.equal(startsInMs(5, spec, board(aModelView('m'), aModelView('m'))), 2000);
});

test('a full queue drains in whole seconds, one at least and sixty at most', () => {
  assert.equal(drainS(spec, board(aModelView('m'))), 20);
  assert.equal(drainS({ ...spec, serviceTimeMs: 1 }, board(aModelView('m'))), 1);
  assert.equal(drainS({ ...spec, queueCap: 1000 }, null), 60);
});

const failure = (failures: number) => ({
  reason: 'exit code 1',
  logTail: ['the end'],
  atMs: nowMs,
  failures,
});
const blocked = (failures: number, forMs: number, state: ModelView['state'] = 'failed'): ModelView =>
  aModelView('m', { state, failure: failure(failures), blockedUntilMs: nowMs + forMs });

const refusal = (state: BoardState): RoundhouseError | null => {
  try {
    refuseHopelessWait(spec, state, nowMs);
    return null;
  } catch (error) {
    return error as RoundhouseError;
  }
};

test('a call is refused while every worker of its model rests after two failures or more', () => {
  assert.equal(refusal(board(blocked(2, 30_000)))?.code, 'model_load_failed');
  assert.equal(refusal(board(blocked(2, 30_000, 'stopped')))?.retryAfterS, 30);
  assert.equal(refusal(board(blocked(9, 3_600_000)))?.retryAfterS, 60);
  assert.equal(refusal(board(blocked(2, 50_000), blocked(3, 9500)))?.retryAfterS, 10);
  assert.match(refusal(board(blocked(2, 1)))?.message ?? '', /exit code 1\nthe end/);
});

test('a call waits when its model may still come', () => {
  const hopeful = [
    board(),
    board(aModelView('m')),
    board(blocked(1, 30_000)),
    board(blocked(2, 0)),
    board(blocked(2, 30_000, 'loading')),
    board(blocked(2, 30_000), aModelView('m', { state: 'stopped' })),
    board(aModelView('m', { state: 'failed', failure: failure(5), blockedUntilMs: null })),
  ];
  for (const state of hopeful) assert.equal(refusal(state), null);
});

test('a call of a paused model is refused whatever its server does', () => {
  const paused = { ...board(aModelView('m')), paused: new Set(['m' as ModelId]) };
  assert.equal(refusal(paused)?.code, 'model_paused');
});

test('a poller comes back in a second at first, then after a quarter of what is left', () => {
  assert.equal(pollAfterMs(0, 600_000), 1000);
  assert.equal(pollAfterMs(10_000, 40_000), 10_000);
  assert.equal(pollAfterMs(10_000, 600_000), 15_000);
  assert.equal(pollAfterMs(10_000, 100), 1000);
  assert.equal(pollAfterMs(10_000, null), 5000);
});

test('a comment says what a stream waits for', () => {
  const model = 'm' as ModelId;
  assert.equal(waitComment(model, 3, null), 'queued position=3');
  assert.equal(waitComment(model, 3, board(aModelView('m'))), 'queued position=3');
  const loading = board(aModelView('m', { state: 'loading', loadProgress: 0.421 }));
  assert.equal(waitComment(model, 1, loading), 'loading m 42% position=1');
  assert.equal(waitComment(model, 1, board(aModelView('m', { state: 'starting' }))), 'loading m position=1');
  assert.equal(waitComment(model, null, loading), 'running');
});
