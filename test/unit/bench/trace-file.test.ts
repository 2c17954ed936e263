import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseTraceFile } from '../../../bench/traces/trace-file.ts';
import { projectDir } from '../../helpers/orchestrator.ts';

const model = { id: 'a', load_ms: 10_000, unload_ms: 1_000, vram_mb: 10, concurrency: 1, service_ms: 5_000 };
const house = { vram_mb: 0, gpus: 1, models: [model, { ...model, id: 'b' }] };
const job = { t_ms: 0, model: 'a', class: 'normal', service_ms: 5_000 };
const fileOf = (...lines: readonly object[]) => lines.map((line) => JSON.stringify(line)).join('\n');

test('a file is read, and its jobs come in order of time', () => {
  const late = { ...job, t_ms: 9, class: 'batch', key: 'z' };
  const { jobs, ...rest } = parseTraceFile(`${fileOf(house, late, job)}\n`, 'day.jsonl');
  assert.deepEqual(jobs, [
    { tMs: 0, model: 'a', class: 1, serviceMs: 5_000, key: null },
    { tMs: 9, model: 'a', class: 2, serviceMs: 5_000, key: 'z' },
  ]);
  assert.deepEqual([rest.vram, rest.gpus, rest.models.length], [0, 1, 2]);
});

const wrong: readonly (readonly [what: string, text: string, expected: RegExp])[] = [
  ['nothing', '', /day\.jsonl is empty/],
  ['no JSON', `${fileOf(house)}\n{t_ms`, /line 2: this is no JSON/],
  ['no house', fileOf(job), /line 1: vram_mb: /],
  ['an unknown class', fileOf(house, { ...job, class: 'urgent' }), /line 2: class: /],
  ['an unknown model', fileOf(house, job, { ...job, model: 'c' }), /line 3: the first line has no model "c"/],
  ['a negative time', fileOf(house, { ...job, t_ms: -1 }), /line 2: t_ms: /],
  ['a model that cannot fit', fileOf({ ...house, vram_mb: 5 }), /a needs more memory than there is/],
];

for (const [what, text, expected] of wrong)
  test(`${what} is refused, with the place`, () => {
    assert.throws(() => parseTraceFile(text, 'day.jsonl'), expected);
  });

function benchTraces(...args: readonly string[]) {
  const script = join(projectDir, 'bench', 'traces.ts');
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
}

test('the bench runs a file, and says on stdout one JSON object', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roundhouse-trace-'));
  try {
    const path = join(folder, 'day.jsonl');
    writeFileSync(path, fileOf(house, job, { ...job, model: 'b', key: 'z' }, job));
    const { stdout, status } = benchTraces('--trace-file', path, '--json', '--policy', 'fifo,rent');
    assert.equal(status, 0);
    const results = JSON.parse(stdout)['day.jsonl'];
    assert.deepEqual(Object.keys(results), ['fifo', 'rent']);
    assert.deepEqual([results.fifo.swaps, results.rent.swaps], [3, 2]);
    assert.equal(results.fifo.meanWaitS, (10 + 26 + 42) / 3);
    assert.equal(results.rent.toFifo.swaps, 2 / 3);
    assert.equal(results.rent.byKey.z.jobs, 1);
    assert.ok(results.rent.toBound.meanWait >= 1);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the bench prints tables and the targets that it measured', () => {
  const { stdout, status } = benchTraces('--trace', 'abab', '--seeds', '1');
  assert.equal(status, 0);
  assert.match(stdout, /\| abab +\|.*\n\| -+ \|.*\n\| fifo .*\n\| collate .*\n\| rent /);
  assert.match(stdout, /\| abab: swaps, % of FIFO +\|/);
  assert.doesNotMatch(stdout, /mixed3/);
});

test('what the bench cannot run it refuses, with what it could', () => {
  for (const [args, expected] of [
    [['--trace', 'abba'], /There is no trace "abba"/],
    [['--policy', 'lifo', '--trace', 'abab'], /There is no policy "lifo"/],
    [['--seeds', '1,x'], /"x" is no seed/],
    [['--speed', '2'], /--speed/],
  ] as const) {
    const { stderr, stdout, status } = benchTraces(...args);
    assert.match(stderr, expected);
    assert.deepEqual([stdout, status], ['', 2]);
  }
});
