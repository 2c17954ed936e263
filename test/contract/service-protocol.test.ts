import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  type Health,
  healthSchema,
  type ServiceEvent,
  servicePaths,
} from '../../src/contracts/service-protocol.ts';
import { type LaunchedProcess, launch } from '../../src/platform/child-process.ts';
import { HttpClient } from '../../src/platform/http-client.ts';
import type { UpstreamResponse } from '../../src/platform/http-exchange.ts';
import { projectDir } from '../helpers/orchestrator.ts';
import { killMarked, processesMarked } from '../helpers/processes.ts';
import { TempDir } from '../helpers/temp-dir.ts';

/** Two programs that the same checks are run against: what tests use in place of a model, and what models use. */
const subjects = {
  'the stand-in': { command: 'python3', script: join(projectDir, 'test/stand-ins/server.py') },
  'a service on BaseService': {
    command: join(projectDir, '.venvs/dev/bin/python'),
    script: join(projectDir, 'test/contract/services/tiny.py'),
  },
};

interface Running {
  readonly dir: string;
  readonly process: LaunchedProcess;
  readonly events: ServiceEvent[];
  /** Resolves with the first such event, also one that has come already. */
  event(matches: (event: ServiceEvent) => boolean): Promise<ServiceEvent>;
  health(): Promise<Health>;
  post(body: object, options?: { job?: string; signal?: AbortSignal }): Promise<UpstreamResponse>;
}

for (const [name, subject] of Object.entries(subjects)) {
  const start = (t: TestContext, args: object = {}) => startService(t, subject, args);

  test(`${name} answers health while it loads, and nothing else`, async (t) => {
    const gate = await makeGate(t);
    const service = await start(t, { gate });
    await service.event(isState('STARTING'));
    const health = await service.health();
    assert.equal(health.status, 'STARTING');
    assert.equal(health.boot_id, 'boot-1');
    const refusal = await service.post({ prompt: 'hi' });
    assert.equal(refusal.status, 503);
    const { error } = JSON.parse(await refusal.body.text());
    assert.equal(error.code, 'model_loading');
    assert.equal(error.type, 'server_error');
    assert.equal(error.param, null);
    await writeFile(gate, 'go');
    await service.event(isState('READY'));
    assert.equal((await service.health()).status, 'READY');
  });

  test(`${name} tells its states with the boot id of its start, after the launcher's word`, async (t) => {
    const service = await start(t);
    await service.event(isState('READY'));
    assert.equal(service.events[0]?.type, 'started');
    const states = service.events.filter((event) => event.type === 'state');
    assert.deepEqual(
      states.map(({ status, boot_id }) => ({ status, boot_id })),
      [
        { status: 'STARTING', boot_id: 'boot-1' },
        { status: 'READY', boot_id: 'boot-1' },
      ],
    );
  });

  test(`${name} listens on a socket that only its user may use`, async (t) => {
    const service = await start(t);
    await service.event(isState('READY'));
    const { mode } = await stat(join(service.dir, 's.sock'));
    assert.equal(mode & 0o077, 0);
  });

  test(`${name} replaces a socket that was left behind`, async (t) => {
    const service = await startService(t, subject, {}, { staleSocket: true });
    await service.event(isState('READY'));
    assert.equal((await service.health()).status, 'READY');
  });

  test(`${name} answers a request, and tells its progress under the id of the job`, async (t) => {
    const service = await start(t, { tokens: 3 });
    await service.event(isState('READY'));
    const response = await service.post({ prompt: 'hi' }, { job: 'job_7' });
    assert.equal(response.status, 200);
    assert.ok(JSON.parse(await response.body.text()).choices[0].text);
    await service.event((event) => event.type === 'job' && event.job_id === 'job_7' && event.progress === 1);
  });

  test(`${name} streams server-sent events and ends them with [DONE]`, async (t) => {
    const service = await start(t, { tokens: 3 });
    await service.event(isState('READY'));
    const response = await service.post({ prompt: 'hi', stream: true });
    assert.match(response.headers['content-type'] ?? '', /^text\/event-stream/);
    const events = (await response.body.text()).split('\n\n').filter(Boolean);
    assert.ok(events.every((event) => event.startsWith('data: ')));
    assert.equal(events.at(-1), 'data: [DONE]');
    assert.ok(events.length >= 4);
  });

  test(`${name} stops generating when its client leaves`, async (t) => {
    const service = await start(t, { tokens: 1_000_000, token_ms: 20 });
    await service.event(isState('READY'));
    const client = new AbortController();
    const response = await service.post({ prompt: 'hi', stream: true }, { signal: client.signal });
    for await (const _ of response.body) break;
    const waiting = await service
      .post({ prompt: 'hi' }, { signal: AbortSignal.timeout(100) })
      .catch(() => null);
    assert.equal(waiting, null);
    client.abort();
    while ((await service.health()).in_flight !== 0) await new Promise(setImmediate);
    assert.equal((await service.health()).status, 'READY');
  });

  test(`${name} is BUSY while it works`, async (t) => {
    const service = await start(t, { tokens: 1_000_000, token_ms: 20 });
    await service.event(isState('READY'));
    const response = await service.post({ prompt: 'hi', stream: true });
    const health = await service.health();
    assert.equal(health.status, 'BUSY');
    assert.equal(health.in_flight, 1);
    for await (const _ of response.body) break;
  });

  test(`${name} finishes what is in flight after SIGTERM, then exits with 0`, async (t) => {
    const service = await start(t, { tokens: 20, token_ms: 20 });
    await service.event(isState('READY'));
    const response = await service.post({ prompt: 'hi', stream: true });
    service.process.terminate();
    assert.match(await response.body.text(), /data: \[DONE\]\n\n$/);
    assert.deepEqual(await service.process.exited, { code: 0, signal: null, isCertain: true });
    assert.equal(service.events.at(-1)?.type, 'exited');
    assert.deepEqual(await processesMarked(service.dir), []);
  });

  test(`${name} sleeps and wakes when it is told to, and answers nothing in between`, async (t) => {
    const service = await start(t, { can_sleep: true });
    await service.event(isState('READY'));
    assert.equal((await service.health()).can_sleep, true);
    const asleep = await request(service, 'POST', servicePaths.sleep);
    assert.equal(asleep.status, 200);
    assert.equal(healthSchema.parse(JSON.parse(await asleep.body.text())).status, 'ASLEEP');
    await service.event(isState('ASLEEP'));
    const refusal = await service.post({ prompt: 'hi' });
    assert.equal(refusal.status, 503);
    assert.equal(JSON.parse(await refusal.body.text()).error.code, 'model_asleep');
    assert.equal((await drained(request(service, 'POST', servicePaths.sleep))).status, 409);
    assert.equal((await drained(request(service, 'POST', servicePaths.wake))).status, 200);
    assert.equal((await drained(service.post({ prompt: 'hi' }))).status, 200);
  });

  test(`${name} says so when it offers no sleep`, async (t) => {
    const service = await start(t);
    await service.event(isState('READY'));
    assert.equal((await service.health()).can_sleep, false);
    assert.equal((await drained(request(service, 'POST', servicePaths.sleep))).status, 501);
  });

  test(`${name} says SETUP_FAILED and why, then ends with an error`, async (t) => {
    const service = await start(t, { habit: 'setup_failed' });
    const event = await service.event(isState('SETUP_FAILED'));
    assert.match('error' in event ? (event.error ?? '') : '', /no such checkpoint/);
    assert.equal((await service.health()).status, 'SETUP_FAILED');
    assert.equal((await service.process.exited).code, 1);
  });

  test(`${name} answers a path that it does not have with 404 in OpenAI's envelope`, async (t) => {
    const service = await start(t);
    await service.event(isState('READY'));
    const response = await request(service, 'GET', '/v1/nothing');
    assert.equal(response.status, 404);
    assert.equal(typeof JSON.parse(await response.body.text()).error.message, 'string');
  });
}

const isState = (status: string) => (event: ServiceEvent) =>
  event.type === 'state' && event.status === status;
const http = new HttpClient();

async function drained(answer: Promise<UpstreamResponse>): Promise<UpstreamResponse> {
  const response = await answer;
  await response.body.text();
  return response;
}

async function startService(
  t: TestContext,
  { command, script }: { readonly command: string; readonly script: string },
  args: object,
  { staleSocket = false } = {},
): Promise<Running> {
  const temp = await TempDir.create();
  const socketPath = join(temp.dir, 's.sock');
  if (staleSocket) await writeFile(socketPath, '');
  const events: ServiceEvent[] = [];
  const waits = new Set<() => void>();
  const lines: string[] = [];
  const launched = launch({
    command,
    args: [script],
    cwd: projectDir,
    env: {
      PATH: process.env.PATH ?? '',
      PYTHONPATH: join(projectDir, 'gpu-services'),
      PYTHONDONTWRITEBYTECODE: '1',
      ROUNDHOUSE_SOCKET: socketPath,
      ROUNDHOUSE_BOOT_ID: 'boot-1',
      ROUNDHOUSE_INSTANCE: temp.dir,
      ROUNDHOUSE_MODEL: 'm',
      ROUNDHOUSE_ARGS: JSON.stringify(args),
    },
    graceMs: 10_000,
    onLine: (line) => lines.push(line),
    onEvent: (event) => {
      events.push(event);
      for (const look of waits) look();
    },
  });
  t.after(async () => {
    launched.kill();
    await launched.exited;
    http.forget({ socketPath });
    await killMarked(temp.dir);
    await temp[Symbol.asyncDispose]();
  });
  const running: Running = {
    dir: temp.dir,
    process: launched,
    events,
    event: (matches) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = events.find(matches);
          if (found) resolve(found);
        };
        waits.add(look);
        look();
        void launched.exited.then(() =>
          reject(new Error(`it ended before that event:\n${lines.join('\n')}`)),
        );
      }),
    health: async () => {
      const response = await request(running, 'GET', '/health');
      assert.equal(response.status, 200);
      return healthSchema.parse(JSON.parse(await response.body.text()));
    },
    post: (body, { job, signal } = {}) =>
      http.request(
        { socketPath },
        {
          method: 'POST',
          path: '/v1/completions',
          headers: { 'content-type': 'application/json', ...(job === undefined ? {} : { 'x-job-id': job }) },
          body: JSON.stringify(body),
          ...(signal === undefined ? {} : { signal }),
        },
      ),
  };
  return running;
}

function request({ dir }: Running, method: string, path: string): Promise<UpstreamResponse> {
  return http.request({ socketPath: join(dir, 's.sock') }, { method, path });
}

/** A FIFO: who reads it waits until something is written. */
async function makeGate(t: TestContext): Promise<string> {
  const temp = await TempDir.create();
  t.after(() => temp[Symbol.asyncDispose]());
  execFileSync('mkfifo', [temp.path('gate')]);
  return temp.path('gate');
}
