import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelsJson, queuesJson, readyJson, statusFacts, swapsJson } from '../../../src/cli/status-json.ts';

const nowMs = 1_790_000_000_000;
const nowS = nowMs / 1000;
const base = { url: 'http://x', nowMs, ready: readyJson.parse({ status: 'ready' }) };
const models = (model: object) =>
  modelsJson.parse({ data: [{ id: 'm', type: 'text', state: 'ready', ...model }] });

test('a model and its queue become one row', () => {
  const queues = queuesJson.parse({
    data: [{ model: 'm', jobs: { queued: 4, in_progress: 1 }, oldest_queued_seconds: 9 }],
  });
  const [row] = statusFacts({
    ...base,
    models: models({ in_flight: 1, state_since: nowS - 5 }),
    queues,
    swaps: null,
  }).models;
  assert.equal(row?.queued, 4);
  assert.equal(row?.running, 1);
  assert.equal(row?.oldestQueuedMs, 9000);
  assert.equal(row?.sinceMs, nowMs - 5000);
});

test('a block that is over is not shown', () => {
  const failure = { reason: 'r', failures: 2, blocked_until: nowS - 1 };
  const { models: rows } = statusFacts({ ...base, models: models({ failure }), queues: null, swaps: null });
  assert.deepEqual(rows[0]?.failure, { reason: 'r', failures: 2, retryInMs: null });
});

test('swaps that only began are left out, failed ones have no duration', () => {
  const swaps = swapsJson.parse({
    data: [
      { at: nowS, type: 'swap.started', load: 'a', reason: 'r' },
      { at: nowS, type: 'swap.failed', load: 'b', evicted: [], reason: 'x' },
      { at: nowS, type: 'swap.finished', load: 'c', evicted: ['d'], reason: 'y', took_ms: 5 },
    ],
  });
  const { swaps: rows } = statusFacts({ ...base, models: models({}), queues: null, swaps });
  assert.deepEqual(
    rows.map(({ load, tookMs }) => [load, tookMs]),
    [
      ['b', null],
      ['c', 5],
    ],
  );
});

test('what the server is missing is the problem shown', () => {
  const ready = readyJson.parse({ error: { message: 'no worker' } });
  const facts = statusFacts({ ...base, ready, models: models({}), queues: null, swaps: null });
  assert.equal(facts.isReady, false);
  assert.equal(facts.problem, 'no worker');
});
