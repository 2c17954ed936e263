import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelId } from '../../../src/contracts/ids.ts';
import { ApiBox, errorOf } from '../../fakes/api-box.ts';
import { aModelView } from '../../fakes/fake-board.ts';

type Json = Record<string, unknown>;
const json = async (response: Response): Promise<Json> => (await response.json()) as Json;

test('GET /v1/models lists every model of the file with what its worker says', async () => {
  await using box = await ApiBox.open();
  const failure = { reason: 'exit code 1', logTail: ['oops'], atMs: 1_790_000_000_000, failures: 3 };
  box.board.views = [
    aModelView('smollm2', { state: 'ready', inFlight: 2 }),
    aModelView('piper', { state: 'loading', loadProgress: 0.5, loadPhase: 'weights' }),
    aModelView('acme/echo', { state: 'failed', failure, blockedUntilMs: 1_790_000_060_000 }),
  ];
  for (const path of ['/v1/models', '/models']) {
    const { object, data } = (await json(await box.fetch(path))) as { object: string; data: Json[] };
    assert.equal(object, 'list');
    assert.deepEqual(
      data.map(({ id, status, state }) => [id, status, state]),
      [
        ['smollm2', 'loaded', 'ready'],
        ['piper', 'loading', 'loading'],
        ['acme/echo', 'failed', 'failed'],
      ],
    );
    assert.deepEqual(data[1]?.load_progress, 0.5);
    assert.deepEqual(data[2]?.failure, {
      reason: 'exit code 1',
      log_tail: ['oops'],
      failures: 3,
      at: 1_790_000_000,
      blocked_until: 1_790_000_060,
    });
    for (const model of data) {
      assert.equal(model.object, 'model');
      assert.equal(model.owned_by, 'roundhouse');
      assert.equal(typeof model.created, 'number');
    }
  }
});

test('GET /v1/models/:id takes ids with a slash, encoded or not, and aliases', async () => {
  await using box = await ApiBox.open();
  for (const path of ['/v1/models/acme/echo', '/v1/models/acme%2Fecho', '/models/acme/echo']) {
    assert.equal((await json(await box.fetch(path))).id, 'acme/echo', path);
  }
  assert.equal((await json(await box.fetch('/v1/models/gpt-4o-mini'))).id, 'smollm2');
  const unknown = await box.fetch('/v1/models/acme/nothing');
  assert.equal(unknown.status, 404);
  assert.equal((await errorOf(unknown)).code, 'model_not_found');
});

test('a models file that changes changes the list and the endpoints at once', async () => {
  await using box = await ApiBox.open();
  const { aModelSpec, aRegistry } = await import('../../fakes/a-registry.ts');
  box.registry = aRegistry(aModelSpec('next', { endpoints: ['/v1/next'] }));
  const { data } = (await json(await box.fetch('/v1/models'))) as { data: Json[] };
  assert.deepEqual(
    data.map(({ id }) => id),
    ['next'],
  );
  void box.post('/v1/next', {});
  assert.equal((await box.nextJob()).record.model, 'next');
  assert.equal((await box.post('/v1/echo/generate', {})).status, 404);
});

test('GET /v1/queue counts what waits and runs, and names the workers', async () => {
  await using box = await ApiBox.open();
  box.board.views = [aModelView('piper', { inFlight: 1 })];
  await box.post('/jobs', { model: 'piper', input: { input: 'x' } });
  await box.post('/jobs', { model: 'piper', input: { input: 'x' } });
  (await box.nextJob()).start();
  await box.clock.advance(7000);
  const { data, workers, vram_mb, redis_ping_ms } = (await json(await box.fetch('/v1/queue'))) as Record<
    string,
    Json[]
  >;
  const piper = data?.find(({ model }) => model === 'piper');
  assert.deepEqual(piper, {
    object: 'queue',
    model: 'piper',
    status: 'loaded',
    paused: false,
    jobs: { queued: 1, in_progress: 1 },
    queue_cap: 1000,
    oldest_queued_seconds: 7,
  });
  assert.equal(workers?.[0]?.name, 'test');
  assert.equal(workers?.[0]?.in_flight, 1);
  assert.equal(redis_ping_ms, 1);
  assert.equal(vram_mb, 0);
});

test('an operator loads, unloads, pauses and resumes a model', async () => {
  await using box = await ApiBox.open();
  for (const action of ['load', 'unload', 'pause', 'resume']) {
    const response = await box.fetch(`/admin/models/acme/echo/${action}`, { method: 'POST' });
    assert.equal(response.status, 202);
    const { id, requested, paused } = await json(response);
    assert.deepEqual([id, requested, paused], ['acme/echo', action, action === 'pause']);
  }
  const model = 'acme/echo' as ModelId;
  assert.deepEqual(box.board.sent, [
    { type: 'load', model },
    { type: 'unload', model },
    { type: 'pause', model },
    { type: 'resume', model },
  ]);
  const unknown = await box.fetch('/admin/models/nope/load', { method: 'POST' });
  assert.equal((await errorOf(unknown)).code, 'model_not_found');
});

test('the history is told in the words of the API, newest first', async () => {
  await using box = await ApiBox.open();
  const swap = {
    load: 'piper',
    evicted: ['smollm2'],
    reason: 'rent',
    tookMs: 900,
    drainMs: 0,
    unloadMs: 100,
    loadMs: 800,
  };
  box.board.events.swaps.push(
    { atMs: 1_790_000_002_500, event: { type: 'swap.finished', ...swap } as never },
    {
      atMs: 1_790_000_001_000,
      event: { type: 'swap.started', load: 'piper', evict: [], reason: 'rent', why: '' } as never,
    },
  );
  const { data } = (await json(await box.fetch('/admin/history?limit=1'))) as { data: Json[] };
  assert.deepEqual(data, [
    {
      object: 'event',
      at: 1_790_000_002.5,
      type: 'swap.finished',
      load: 'piper',
      evicted: ['smollm2'],
      reason: 'rent',
      took_ms: 900,
      drain_ms: 0,
      unload_ms: 100,
      load_ms: 800,
    },
  ]);
  assert.deepEqual((await json(await box.fetch('/admin/history?kind=jobs'))).data, []);
});

test('the end of a model server log is shown, or that there is none', async () => {
  await using box = await ApiBox.open();
  box.logs.lines.set('acme/echo', ['one', 'two', 'three']);
  const shown = await json(await box.fetch('/admin/models/acme/echo/logs?lines=2'));
  assert.deepEqual(shown, { object: 'model.logs', model: 'acme/echo', lines: ['two', 'three'] });
  const none = await box.fetch('/admin/models/piper/logs');
  assert.equal(none.status, 404);
  assert.equal((await errorOf(none)).code, 'logs_not_found');
});
