import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { colourful, plain } from '../../../src/cli/terminal.ts';
import type { ModelFacts, StatusFacts } from '../../../src/cli/views/status-facts.ts';
import { renderStatus } from '../../../src/cli/views/status-view.ts';

const nowMs = new Date(2026, 10, 24, 14, 3, 20).getTime();
const model = (id: string, more: Partial<ModelFacts> = {}): ModelFacts => ({
  id,
  type: 'text',
  state: 'stopped',
  sinceMs: null,
  progress: null,
  phase: null,
  isPaused: false,
  queued: 0,
  running: 0,
  oldestQueuedMs: null,
  failure: null,
  ...more,
});

const busy: StatusFacts = {
  url: 'http://127.0.0.1:9000',
  nowMs,
  isReady: true,
  problem: null,
  redisPingMs: 0.42,
  models: [
    model('smollm2-135m', { state: 'ready', sinceMs: nowMs - 192_000, running: 3 }),
    model('en-us-joe', {
      type: 'speech',
      state: 'loading',
      progress: 0.64,
      phase: 'weights',
      queued: 12,
      oldestQueuedMs: 4200,
    }),
    model('flux-schnell', { type: 'image', isPaused: true }),
    model('musicgen-medium', {
      type: 'audio',
      state: 'failed',
      queued: 1,
      oldestQueuedMs: 62_000,
      failure: { reason: 'CUDA out of memory\nTraceback', failures: 2, retryInMs: 12_000 },
    }),
  ],
  workers: [{ name: 'box', host: 'box.example', upMs: 7_620_000, seenMs: 1_200 }],
  swaps: [
    { atMs: nowMs - 9_000, load: 'en-us-joe', evicted: ['smollm2-135m'], reason: 'rent-paid', tookMs: 2_130 },
    { atMs: nowMs - 86_400_000, load: 'musicgen-medium', evicted: [], reason: 'overdue', tookMs: null },
  ],
};

const lines = (facts: StatusFacts, columns: number) =>
  renderStatus(facts, { columns, paint: plain }).split('\n');

test('a wide terminal shows everything in aligned columns', () => {
  assert.deepEqual(lines(busy, 100), [
    'Roundhouse  http://127.0.0.1:9000  ready  redis 0.4 ms  1 worker',
    '',
    '   MODEL            TYPE    STATE                             QUEUED  RUNNING  OLDEST',
    '●  smollm2-135m     text    ready 3m 12s                           0        3       –',
    '◑  en-us-joe        speech  loading ██████░░░░  64 % weights      12        0   4.2 s',
    '○  flux-schnell     image   stopped paused                         0        0       –',
    '✖  musicgen-medium  audio   failed 2 times, not before 12 s        1        0  1m 02s',
    '   CUDA out of memory  (roundhouse logs musicgen-medium)',
    '',
    'SWAPS        IN               OUT             TOOK  WHY',
    '14:03:11     en-us-joe        smollm2-135m   2.1 s  rent-paid',
    '11-23 14:03  musicgen-medium  –             failed  overdue',
    '',
    'WORKER  HOST             UP       SEEN',
    'box     box.example  2h 07m  1.2 s ago',
    '',
  ]);
});

test('a narrow terminal leaves columns out and never wraps', () => {
  for (const columns of [80, 60, 40, 20])
    for (const line of lines(busy, columns)) assert.ok(line.length <= columns, `${columns}: ${line}`);
  const narrow = lines(busy, 64);
  assert.equal(narrow[2], '   MODEL            STATE                             QUEUED');
});

test('colours change nothing but the colours', () => {
  const painted = renderStatus(busy, { columns: 90, paint: colourful });
  assert.notEqual(painted, stripVTControlCharacters(painted));
  assert.equal(stripVTControlCharacters(painted), renderStatus(busy, { columns: 90, paint: plain }));
});

test('a server that cannot work says why', () => {
  const facts = {
    ...busy,
    isReady: false,
    problem: 'no worker is alive',
    redisPingMs: null,
    workers: [],
    swaps: [],
  };
  assert.deepEqual(lines(facts, 100).slice(0, 2), [
    'Roundhouse  http://127.0.0.1:9000  not ready  redis away  0 workers',
    '  no worker is alive',
  ]);
});

test('a load whose progress is unknown still shows that it goes on', () => {
  const facts = { ...busy, models: [model('a', { state: 'starting' })] };
  assert.match(lines(facts, 100)[3] ?? '', /^◔ {2}a {6}text {2}starting ▒{10} /);
});
