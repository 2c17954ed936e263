import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { projectDir } from '../../../bench/lib/processes.ts';

/** The benches on the smallest load that says anything: that they run and count, never how fast this machine is. */
async function bench(name: string, ...args: string[]): Promise<unknown> {
  const script = join(projectDir, 'bench', `${name}.ts`);
  const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...args, '--json'], { env });
  return JSON.parse(stdout);
}

/** Every number of a result by its path; what is no number is NaN. */
function figuresOf(value: unknown, path = ''): [string, number][] {
  if (typeof value !== 'object' || value === null) return [[path, Number(value)]];
  return Object.entries(value).flatMap(([name, each]) => figuresOf(each, `${path}/${name}`));
}

function assertCounted(value: unknown, paths: readonly string[]): void {
  const figures = new Map(figuresOf(value));
  for (const path of paths) assert.ok(Number(figures.get(path)) > 0, `${path} is ${figures.get(path)}`);
  assert.deepEqual(
    [...figures].filter(([, figure]) => !Number.isFinite(figure)),
    [],
  );
}

test('bench:overhead calls each way at each load, and streams', async () => {
  const result = await bench('overhead', '--rounds', '1', '--seconds', '0.1', '--tokens', '25');
  const cells = ['direct', 'express', 'bullmq', 'roundhouse'].flatMap((way) =>
    ['1', '16', '64'].flatMap((load) => [
      `/${way}/${load}/p50_ms`,
      `/${way}/${load}/p99_ms`,
      `/${way}/${load}/rps`,
    ]),
  );
  const streams = ['/stream/roundhouse/cpu_us_per_token', '/stream/first_byte/roundhouse/64/p50_ms'];
  assertCounted(result, [...cells, ...streams]);
});

test('bench:swap measures swaps, and loads with and without the page cache', async () => {
  const result = await bench('swap', '--swaps', '3', '--cold', '1', '--weights', '4');
  assertCounted(result, ['/n', '/load_ms/warm', '/load_ms/cold', '/load_ms/read_ahead']);
});

test('bench:scale fills a queue, takes from it and comes back after a restart', async () => {
  const result = await bench('scale', '--max', '1000', '--samples', '5');
  assertCounted(result, [
    ...['/bytes_per_job', '/enqueue_per_s', '/first_job_s'],
    ...['/pick_ms/1000', '/get_job_ms/1000', '/list_jobs_ms/1000'],
  ]);
});
