import { readFile } from 'node:fs/promises';
import { monotonicFactory } from 'ulid';
import type { JobId, KeyId, ModelId } from '../src/contracts/ids.ts';
import type { NewJob } from '../src/contracts/job.ts';
import { connectRedis } from '../src/queue/connection.ts';
import { RedisJobStore } from '../src/queue/job-store.ts';
import { quantile, round } from './lib/latency.ts';
import { benchOptions, table, tell } from './lib/options.ts';
import { type RunningRoundhouse, Site } from './lib/processes.ts';

/**
 * What a long queue costs: jobs over 8 lanes, in three sizes, in a running server whose only model that is not paused
 * comes last. Picking, reading and listing are timed at each size; at the end everything is killed and started again.
 */
const options = benchOptions({ max: 1_000_000, parallel: 256, samples: 200 });
const sizes = [1000, 100_000, 1_000_000].filter((size) => size <= options.max);
const laneModels = Array.from({ length: 4 }, (_, at) => `m${at}` as ModelId);
const lanes = laneModels.flatMap((model) =>
  (['normal', 'batch'] as const).map((jobClass) => ({ model, jobClass })),
);
const quiet = (): void => undefined;
const nextUlid = monotonicFactory();

await using site = await Site.create();
let house = await site.roundhouse(models(), { ROUNDHOUSE_MAX_MEMORY_MB: '8000' });
await pauseAll(house, 'pause');
const redis = connectRedis(house.redisSocket, 'worker', quiet);
const store = new RedisJobStore({ redis, clock: { now: () => Date.now() }, emit: quiet });
const keyId = await keyIdOf(house);
const emptyBytes = await usedBytes();
const pick: Record<string, number> = {};
const getJob: Record<string, number> = {};
const listJobs: Record<string, number> = {};
let queued = 0;
let enqueueMs = 0;
let some: JobId[] = [];
for (const size of sizes) await grow(size);
const bytesPerJob = Math.round(((await usedBytes()) - emptyBytes) / queued);
const firstJobS = await restart();
report();

function models(): object {
  const entry = {
    type: 'text',
    service_script: 'bench/noop-server.py',
    endpoint: '/v1/chat/completions',
    startup_time: 1,
    service_time: 0.05,
    concurrency: 16,
    queue_cap: 2_000_000,
  };
  return { models: Object.fromEntries(laneModels.map((model) => [model, entry])) };
}

function request(server: RunningRoundhouse, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${server.url}${path}`, { ...init, headers: { authorization: `Bearer ${server.apiKey}` } });
}

async function pauseAll(server: RunningRoundhouse, action: 'pause' | 'resume'): Promise<void> {
  for (const model of laneModels) {
    const response = await request(server, `/admin/models/${model}/${action}`, { method: 'POST' });
    if (!response.ok) throw new Error(`${action}: ${response.status} ${await response.text()}`);
  }
}

/** As the API would name it: the first 12 hex digits of the key's SHA-256. */
async function keyIdOf({ apiKey }: RunningRoundhouse): Promise<KeyId> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(apiKey));
  return Buffer.from(digest).toString('hex').slice(0, 12) as KeyId;
}

async function usedBytes(): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
}

function newJob(at: number): NewJob {
  const nowMs = Date.now();
  const { model, jobClass } = lanes[at % lanes.length] ?? {
    model: laneModels[0] as ModelId,
    jobClass: 'normal',
  };
  const body = { model, messages: [{ role: 'user', content: 'x'.repeat(200) }] };
  return {
    id: `job_${nextUlid(nowMs)}` as JobId,
    model,
    modelType: 'text',
    endpoint: '/v1/chat/completions',
    class: jobClass,
    keyId,
    body: JSON.stringify(body),
    sync: false,
    stream: false,
    inboxId: null,
    createdAtMs: nowMs,
    queueDeadlineMs: nowMs + 86_400_000,
    executionTimeoutMs: 600_000,
    resultTtlMs: 172_800_000,
    webhook: null,
    metadata: {},
  };
}

async function grow(size: number): Promise<void> {
  const startMs = performance.now();
  const every = Math.max(1, Math.floor((size - queued) / options.samples));
  some = [];
  const submitters = Array.from({ length: options.parallel }, async () => {
    while (queued < size) {
      const job = newJob(queued++);
      if (queued % every === 0) some.push(job.id);
      await store.submit(job, { queueCap: 2_000_000, retryAfterS: 1 });
    }
  });
  await Promise.all(submitters);
  enqueueMs += performance.now() - startMs;
  pick[size] = await timePick();
  getJob[size] = await time((at) => request(house, `/jobs/${some[at % some.length]}`));
  listJobs[size] = await time(() => request(house, '/jobs?limit=20&status=queued'));
  tell(`${size} jobs: pick ${pick[size]} ms, job ${getJob[size]} ms, list ${listJobs[size]} ms`);
}

async function time(call: (at: number) => Promise<Response>): Promise<number> {
  const took: number[] = [];
  for (let at = 0; at < options.samples; at++) {
    const startMs = performance.now();
    const response = await call(at);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`answered ${response.status}`);
    took.push(performance.now() - startMs);
  }
  return round(quantile(took, 0.5));
}

/** A look at all lanes and a job taken: given back right away, so that it changes nothing. */
async function timePick(): Promise<number> {
  const { pickOnce, close } = await picker();
  const took: number[] = [];
  for (let at = 0; at < options.samples; at++) took.push(await pickOnce(at));
  await close();
  return round(quantile(took, 0.5));
}

async function picker() {
  const { BullLanes } = await import('../src/queue/lanes.ts');
  const { systemClock } = await import('../src/platform/clock.ts');
  const desk = { onControl: () => quiet, waitForWork: async () => undefined, wake: quiet };
  const picked = new BullLanes({
    redis,
    desk: desk as unknown as ConstructorParameters<typeof BullLanes>[0]['desk'],
    channel: { send: quiet },
    models: () => laneModels,
    workerName: 'bench-picker',
    bootId: 'bench',
    clock: systemClock,
    emit: quiet,
  });
  await picked.start();
  const pickOnce = async (at: number): Promise<number> => {
    const { model, jobClass } = lanes[at % lanes.length] ?? {
      model: laneModels[0] as ModelId,
      jobClass: 'normal',
    };
    const startMs = performance.now();
    await picked.snapshot();
    const claim = await picked.claim(model, jobClass);
    const tookMs = performance.now() - startMs;
    if (claim === null) throw new Error('nothing to pick');
    await claim.settle({ kind: 'snooze' });
    return tookMs;
  };
  return { pickOnce, close: () => picked.stop(AbortSignal.timeout(1000)) };
}

/** kill -9 of everything, then from the start of the new process until the first job has started. */
async function restart(): Promise<number> {
  await pauseAll(house, 'resume');
  redis.disconnect();
  await site.stop(house.child, 'SIGKILL');
  const before = (await readFile(site.path('serve.log'), 'utf8')).length;
  const startMs = performance.now();
  const started = site.roundhouse(models(), { ROUNDHOUSE_MAX_MEMORY_MB: '8000' });
  let firstMs = 0;
  while (firstMs === 0) {
    const log = (await readFile(site.path('serve.log'), 'utf8')).slice(before);
    if (log.includes('"type":"job.started"')) firstMs = performance.now() - startMs;
    else await new Promise((resolve) => setTimeout(resolve, 20));
  }
  house = await started;
  return round(firstMs / 1000, 2);
}

function report(): void {
  const result = {
    bytes_per_job: bytesPerJob,
    enqueue_per_s: Math.round((queued * 1000) / enqueueMs),
    first_job_s: firstJobS,
    pick_ms: pick,
    get_job_ms: getJob,
    list_jobs_ms: listJobs,
  };
  if (options.json) return void console.log(JSON.stringify(result));
  const head = ['queued jobs', 'pick ms', 'GET /jobs/:id ms', 'GET /jobs ms'];
  console.log(
    table(
      head,
      sizes.map((size) => [size, pick[size] ?? 0, getJob[size] ?? 0, listJobs[size] ?? 0]),
    ),
  );
  const { bytes_per_job, enqueue_per_s, first_job_s } = result;
  console.log(
    `\n${bytes_per_job} bytes a job, ${enqueue_per_s} jobs accepted per second, first job ${first_job_s} s after a restart`,
  );
}
