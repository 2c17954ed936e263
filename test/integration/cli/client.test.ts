import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, test } from 'node:test';
import { runCli, startCli } from './run-cli.ts';

type Answer = readonly [status: number, body: unknown];

const nowS = Math.floor(Date.now() / 1000);
const key = 'rh-test-key-0123456789';
const seen: string[] = [];
let answers: Record<string, Answer> = {};
let server: Server;
let dataDir: string;
let env: Record<string, string>;

before(async () => {
  server = createServer((request, response) => {
    const { method, url, headers } = request;
    seen.push(`${method} ${url}`);
    const isKnown = headers.authorization === `Bearer ${key}`;
    const [status, body] = isKnown ? (answers[`${method} ${url}`] ?? notFound) : noKey;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  dataDir = await mkdtemp(join(tmpdir(), 'rh-cli-'));
  await writeFile(join(dataDir, 'api-key'), `${key}\n`, { mode: 0o600 });
  const { port } = server.address() as AddressInfo;
  env = { ROUNDHOUSE_DATA: dataDir, ROUNDHOUSE_PORT: String(port) };
});
after(async () => {
  server.close();
  await rm(dataDir, { recursive: true });
});
afterEach(() => {
  answers = {};
  seen.length = 0;
});

const failure = (message: string, code: string) => ({ error: { message, type: 'x', param: null, code } });
const notFound: Answer = [404, failure('Unknown request URL.', 'unknown_url')];
const noKey: Answer = [401, failure('No API key.', 'missing_api_key')];

const healthy: Record<string, Answer> = {
  'GET /ready': [200, { status: 'ready' }],
  'GET /v1/models': [
    200,
    {
      object: 'list',
      data: [
        {
          id: 'smol',
          type: 'text',
          state: 'ready',
          state_since: nowS - 100,
          in_flight: 2,
          paused: false,
          failure: null,
        },
        {
          id: 'joe',
          type: 'speech',
          state: 'loading',
          load_progress: 0.5,
          load_phase: 'weights',
          in_flight: 0,
        },
      ],
    },
  ],
  'GET /v1/queue': [
    200,
    {
      data: [{ model: 'joe', jobs: { queued: 7, in_progress: 0 }, oldest_queued_seconds: 3 }],
      workers: [{ name: 'box', host: 'box.example', up_seconds: 100, seen_seconds: 1 }],
      redis_ping_ms: 0.3,
    },
  ],
  'GET /admin/history?kind=swaps&limit=10': [
    200,
    {
      data: [
        { at: nowS - 5, type: 'swap.started', load: 'joe', reason: 'rent-paid' },
        {
          at: nowS - 90,
          type: 'swap.finished',
          load: 'smol',
          evicted: ['joe'],
          reason: 'overdue',
          took_ms: 5100,
        },
      ],
    },
  ],
};

test('status shows models, queues, swaps and workers', async () => {
  answers = healthy;
  const { code, out } = await runCli(['status'], env);
  assert.match(out, /^Roundhouse {2}http:\/\/127\.0\.0\.1:\d+ {2}ready {2}redis 0\.3 ms {2}1 worker$/m);
  assert.match(out, /^● {2}smol {3}text {4}ready 1m 4\ds +0 +2 +–$/m);
  assert.match(out, /^◑ {2}joe {4}speech {2}loading █████░░░░░ {2}50 % weights +7 +0 {5}3 s$/m);
  assert.match(out, /smol +joe +5\.1 s {2}overdue$/m);
  assert.match(out, /^box +box\.example/m);
  assert.equal(code, 0);
});

test('status --json is what the API said', async () => {
  answers = healthy;
  const { out } = await runCli(['status', '--json'], env);
  assert.equal(JSON.parse(out).models.data[0].id, 'smol');
});

test('status of a server whose Redis is away still shows the models, says why, and exits with 69', async () => {
  const away: Answer = [503, failure('Redis cannot be reached', 'not_ready')];
  answers = {
    ...healthy,
    'GET /ready': away,
    'GET /v1/queue': away,
    'GET /admin/history?kind=swaps&limit=10': away,
  };
  const { code, out } = await runCli(['status'], env);
  assert.match(out, /not ready {2}redis away {2}0 workers\n {2}Redis cannot be reached\n/);
  assert.match(out, /smol/);
  assert.equal(code, 69);
});

test('without a server the answer is what to start, and exit code 69', async () => {
  const { code, out, err } = await runCli(['status'], {
    ROUNDHOUSE_DATA: dataDir,
    ROUNDHOUSE_URL: 'http://127.0.0.1:9',
  });
  assert.equal(out, '');
  assert.match(err, /No Roundhouse answers at http:\/\/127\.0\.0\.1:9 \(.+\)\.\n.*start-all\.sh/);
  assert.equal(code, 69);
});

test('a wrong key is told with where the right one is', async () => {
  const { code, err } = await runCli(['jobs'], { ...env, ROUNDHOUSE_API_KEY: 'wrong-wrong-wrong-wrong' });
  assert.match(err, /does not accept this key\.\n.*ROUNDHOUSE_API_KEY/);
  assert.equal(code, 1);
});

test('a server that is not Roundhouse is noticed', async () => {
  answers = { 'GET /jobs?limit=20': [200, { hello: 'world' }] };
  const { code, err } = await runCli(['jobs'], env);
  assert.match(err, /something that is not Roundhouse's/);
  assert.equal(code, 1);
});

const job = { id: 'job_01', status: 'completed', model: 'smol', created_at: nowS - 60, output: { a: 1 } };

test('jobs lists, narrowed as asked', async () => {
  answers = { 'GET /jobs?limit=3&status=failed&model=smol': [200, { data: [job], has_more: true }] };
  const { code, out, err } = await runCli(['jobs', '-n', '3', '--status', 'failed', '--model', 'smol'], env);
  assert.match(out, /^job_01 +smol +completed/m);
  assert.match(err, /There are more/);
  assert.equal(code, 0);
});

test('job shows one, and a failed one gives exit code 3', async () => {
  answers = { 'GET /jobs/job_01': [200, job] };
  const good = await runCli(['job', 'job_01'], env);
  assert.match(good.out, /^job_01\n {2}model {4}smol\n/);
  assert.equal(good.code, 0);
  answers = { 'GET /jobs/job_01': [200, { ...job, status: 'failed', error: { message: 'no', code: 'x' } }] };
  assert.equal((await runCli(['job', 'job_01', '--json'], env)).code, 3);
});

test('a job that does not exist is told in the words of the API', async () => {
  answers = { 'GET /jobs/job_02': [404, failure('No job "job_02".', 'job_not_found')] };
  const { code, err } = await runCli(['job', 'job_02'], env);
  assert.equal(err, 'error: No job "job_02".\n');
  assert.equal(code, 1);
});

test('cancel asks the API and shows what became of the job', async () => {
  answers = { 'POST /jobs/job_01/cancel': [202, { ...job, status: 'cancelling' }] };
  const { code, out } = await runCli(['cancel', 'job_01'], env);
  assert.match(out, /status {3}cancelling/);
  assert.equal(code, 0);
});

for (const action of ['load', 'unload', 'pause', 'resume'])
  test(`${action} is handed to the API`, async () => {
    answers = { [`POST /admin/models/a%2Fb/${action}`]: [202, { id: 'a' }] };
    const { code, out } = await runCli([action, 'a/b'], env);
    assert.match(out, /^a\/b .+\.\n$/);
    assert.equal(code, 0);
  });

test('logs prints the end of the log', async () => {
  answers = { 'GET /admin/models/smol/logs?lines=2': [200, { lines: ['one', 'two'] }] };
  const { code, out } = await runCli(['logs', 'smol', '-n', '2'], env);
  assert.equal(out, 'one\ntwo\n');
  assert.equal(code, 0);
});

test('logs --follow prints each new line once, until Ctrl-C', async (t) => {
  const path = 'GET /admin/models/smol/logs?lines=500';
  answers = { [path]: [200, { lines: ['one', 'two'] }] };
  const child = startCli(['logs', 'smol', '-n', '1', '--follow'], env);
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'two');
  answers = { [path]: [200, { lines: ['one', 'two', 'three'] }] };
  assert.equal((await lines.next()).value, 'three');
  child.kill('SIGINT');
  assert.deepEqual(await once(child, 'close'), [0, null]);
  assert.equal((await lines.next()).done, true);
});

test('status --watch goes on while the server is away and back, until Ctrl-C', async (t) => {
  answers = healthy;
  const child = startCli(['status', '--watch'], env);
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const until = async (pattern: RegExp) => {
    for (let line = await lines.next(); !pattern.test(line.value ?? ''); line = await lines.next())
      assert.ok(!line.done, `it ended before ${pattern}`);
  };
  assert.match((await lines.next()).value ?? '', / ready /);
  answers = { ...healthy, 'GET /v1/models': [500, failure('broken', 'internal_error')] };
  await until(/^broken$/);
  answers = healthy;
  await until(/ ready /);
  child.kill('SIGINT');
  assert.deepEqual(await once(child, 'close'), [0, null]);
});

test('a number of lines that is none is a usage error', async () => {
  const { code, err } = await runCli(['logs', 'smol', '-n', 'all'], env);
  assert.match(err, /It must be a whole number/);
  assert.equal(code, 2);
  assert.deepEqual(seen, []);
});

const history: Record<string, Answer> = {
  'GET /admin/history?kind=jobs&limit=10000': [
    200,
    {
      data: [
        { at: nowS - 1, type: 'job.settled', job_id: 'x', model: 'smol', status: 'completed' },
        { at: nowS - 3, type: 'job.started', job_id: 'x', model: 'smol' },
        { at: nowS - 9, type: 'job.accepted', job_id: 'x', model: 'smol', class: 'batch', key_id: 'abc' },
        { at: nowS - 9, type: 'job.accepted', job_id: 'y', model: 'smol', class: 'batch', key_id: 'abc' },
      ],
    },
  ],
  'GET /admin/history?kind=swaps&limit=10000': [200, { data: [] }],
  'GET /v1/models': [200, { data: [{ id: 'smol', vram_mb: 800, concurrency: 4 }] }],
  'GET /v1/queue': [200, { data: [], vram_mb: 0 }],
};

test('trace export writes what the server remembers as a trace, and says what it left out', async () => {
  answers = history;
  const { code, out, err } = await runCli(['trace', 'export'], env);
  const [house, ...jobs] = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual([house.vram_mb, house.gpus, house.models.length], [0, 1, 1]);
  assert.deepEqual(jobs, [{ t_ms: 0, model: 'smol', class: 'batch', service_ms: 2000, key: 'key-1' }]);
  assert.match(err, /^1 jobs of 1 models .*1 others ran to no end.*60 s are assumed\.\n$/);
  assert.equal(code, 0);
});

test('trace export writes to a file, and says so when it cannot', async () => {
  answers = history;
  const path = join(dataDir, 'day.jsonl');
  assert.equal((await runCli(['trace', 'export', '-o', path], env)).out, '');
  assert.equal((await readFile(path, 'utf8')).split('\n').length, 3);
  const { code, err } = await runCli(['trace', 'export', '-o', dataDir], env);
  assert.match(err, /cannot be written \(EISDIR.*--output/s);
  assert.equal(code, 1);
});

test('trace export of a server that remembers nothing says so', async () => {
  answers = { ...history, 'GET /admin/history?kind=jobs&limit=10000': [200, { data: [] }] };
  const { code, out, err } = await runCli(['trace', 'export'], env);
  assert.match(err, /remembers no job/);
  assert.deepEqual([out, code], ['', 1]);
});
