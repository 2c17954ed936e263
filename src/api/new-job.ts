import { randomFillSync } from 'node:crypto';
import { monotonicFactory } from 'ulid';
import type { InboxId, JobId, KeyId } from '../contracts/ids.ts';
import type { JobClass, JobRecord, NewJob } from '../contracts/job.ts';
import type { Uploads } from '../contracts/upload.ts';
import { terminalEvents } from './job-request.ts';
import type { ModelCall } from './model-call.ts';

const resultTtlMs = 172_800_000;

export interface Submission {
  readonly keyId: KeyId;
  readonly inboxId: InboxId;
  readonly nowMs: number;
  /** A connection waits for it. */
  readonly sync: boolean;
  /** What its files are stored under, where there are any. */
  readonly id?: JobId;
  readonly uploads?: Uploads | null;
  readonly metadata?: Readonly<Record<string, string>>;
}

const pool = new Uint8Array(4096);
let used = pool.length;

/** Random bytes are fetched many at a time: one by one they cost more than all else here. */
function random(): number {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return (pool[used++] ?? 0) / 256;
}

const nextUlid = monotonicFactory(random);

export const newJobId = (nowMs: number): JobId => `job_${nextUlid(nowMs)}` as JobId;

/** A checked call as a job with an id of its own: limits and priority filled in. */
export function newJob(call: ModelCall, submission: Submission): NewJob {
  const { spec, endpoint, body, stream, handling } = call;
  const { keyId, inboxId, nowMs, sync, uploads = null, metadata = {} } = submission;
  const { queue_ttl_seconds, execution_timeout_seconds, result_ttl_seconds } = handling.policy ?? {};
  return {
    id: submission.id ?? newJobId(nowMs),
    model: spec.id,
    modelType: spec.type,
    endpoint,
    class: classOf(handling.priority, sync),
    keyId,
    body,
    uploads,
    sync,
    stream,
    inboxId,
    createdAtMs: nowMs,
    queueDeadlineMs: nowMs + (msOf(queue_ttl_seconds) ?? spec.queueTtlMs),
    executionTimeoutMs: msOf(execution_timeout_seconds) ?? spec.executionTimeoutMs,
    resultTtlMs: msOf(result_ttl_seconds) ?? resultTtlMs,
    webhook: webhookOf(call),
    metadata,
  };
}

const msOf = (seconds: number | null | undefined): number | null =>
  seconds === null || seconds === undefined ? null : seconds * 1000;

const classByPriority = { high: 'interactive', normal: 'normal', low: 'batch' } as const;

function classOf(priority: keyof typeof classByPriority | null | undefined, sync: boolean): JobClass {
  return classByPriority[priority ?? (sync ? 'high' : 'normal')];
}

function webhookOf({ handling: { webhook, webhook_events_filter: filter } }: ModelCall): NewJob['webhook'] {
  if (webhook === null || webhook === undefined) return null;
  const named = filter ?? [];
  const all = named.length === 0 || named.includes('completed');
  return {
    url: webhook,
    events: all ? terminalEvents : terminalEvents.filter((type) => named.includes(type)),
  };
}

/** The record of a job that was accepted just now. */
export function recordOf({ body: _, uploads: __, webhook, ...job }: NewJob): JobRecord {
  return {
    ...job,
    status: 'queued',
    phase: null,
    progress: null,
    attempts: 0,
    startedAtMs: null,
    completedAtMs: null,
    loadMs: null,
    worker: null,
    output: null,
    files: [],
    dataRemoved: false,
    usage: null,
    error: null,
    webhook: webhook && { ...webhook, status: 'pending', attempts: 0, lastError: null },
  };
}
