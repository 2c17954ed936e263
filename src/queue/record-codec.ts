import type { ErrorBody } from '../contracts/errors.ts';
import type { InboxId, JobId, KeyId, ModelId } from '../contracts/ids.ts';
import type { Artifact, JobClass, JobPhase, JobRecord, JobStatus, NewJob } from '../contracts/job.ts';
import type { ModelType } from '../contracts/model.ts';
import type { Uploads } from '../contracts/upload.ts';
import { epochBaseMs, laneName } from './keys.ts';

/** Fields of a record in the order in which views read them: everything but the body and what came with it. */
export const viewFields = [
  'id',
  'model',
  'modelType',
  'endpoint',
  'class',
  'keyId',
  'sync',
  'stream',
  'inboxId',
  'createdAtMs',
  'queueDeadlineMs',
  'executionTimeoutMs',
  'resultTtlMs',
  'metadata',
  'status',
  'phase',
  'progress',
  'attempts',
  'startedAtMs',
  'completedAtMs',
  'loadMs',
  'worker',
  'output',
  'files',
  'dataRemoved',
  'usage',
  'error',
  'webhookUrl',
  'webhookEvents',
  'webhookStatus',
  'webhookAttempts',
  'webhookError',
] as const;

type Field = (typeof viewFields)[number];
type Values = Readonly<Partial<Record<Field, string | null>>>;

/**
 * A new job as the fields and values of its hash, without the body. The accept script knows the places of the first
 * eight; the very first is when the job enters its lane, should it enter now, and the next two are others where it starts
 * at once.
 */
export function encodeNewJob(job: NewJob): readonly string[] {
  const fields = [
    ...['enqueued', String(job.createdAtMs - epochBaseMs), 'status', 'queued', 'attempts', '0'],
    ...['model', job.model, 'class', job.class, 'createdAtMs', String(job.createdAtMs)],
    ...['queueDeadlineMs', String(job.queueDeadlineMs), 'stream', job.stream ? '1' : '0'],
    ...['id', job.id, 'lane', laneName(job.model, job.class), 'modelType', job.modelType],
    ...['endpoint', job.endpoint, 'keyId', job.keyId, 'sync', job.sync ? '1' : '0'],
    ...['inboxId', job.inboxId ?? '', 'executionTimeoutMs', String(job.executionTimeoutMs)],
    ...['resultTtlMs', String(job.resultTtlMs), 'metadata', JSON.stringify(job.metadata)],
  ];
  if (job.uploads) fields.push('uploads', JSON.stringify(job.uploads));
  if (job.webhook !== null) fields.push(...Object.entries(encodeWebhook(job.webhook)).flat());
  return fields;
}

/** The record of a job that was started in the step that accepted it. */
export function recordOfStarted(
  { body: _, uploads: __, webhook, ...job }: NewJob,
  start: { readonly workerName: string; readonly startedAtMs: number },
): JobRecord {
  return {
    ...job,
    status: 'in_progress',
    phase: job.stream ? null : 'generating',
    progress: null,
    attempts: 1,
    startedAtMs: start.startedAtMs,
    completedAtMs: null,
    loadMs: null,
    worker: start.workerName,
    output: null,
    files: [],
    dataRemoved: false,
    usage: null,
    error: null,
    webhook: webhook && { ...webhook, status: 'pending', attempts: 0, lastError: null },
  };
}

/** The record behind the values of `viewFields`; null when there is none. */
export function decodeView(values: readonly (string | null)[]): JobRecord | null {
  return decodeRecord(Object.fromEntries(viewFields.map((name, at) => [name, values[at] ?? null])));
}

/** What a claim reads: the record, and what the model server is to get. */
export interface JobInput {
  readonly record: JobRecord;
  readonly body: string;
  readonly uploads: Uploads | null;
}

/** The job behind `HGETALL`'s flat list of fields and values. */
export function decodeFlat(flat: readonly string[]): JobInput | null {
  const values: Record<string, string> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) values[flat[at] ?? ''] = flat[at + 1] ?? '';
  const record = decodeRecord(values);
  return record === null ? null : { record, body: values.body ?? '', uploads: parse(values.uploads) };
}

function decodeRecord(values: Values): JobRecord | null {
  if (!values.id) return null;
  return {
    id: values.id as JobId,
    model: text(values.model) as ModelId,
    modelType: text(values.modelType) as ModelType,
    endpoint: text(values.endpoint),
    class: text(values.class) as JobClass,
    keyId: text(values.keyId) as KeyId,
    sync: values.sync === '1',
    stream: values.stream === '1',
    inboxId: (values.inboxId || null) as InboxId | null,
    createdAtMs: Number(values.createdAtMs),
    queueDeadlineMs: Number(values.queueDeadlineMs),
    executionTimeoutMs: Number(values.executionTimeoutMs),
    resultTtlMs: Number(values.resultTtlMs),
    metadata: parse<Record<string, string>>(values.metadata) ?? {},
    status: text(values.status) as JobStatus,
    phase: (values.phase || null) as JobPhase | null,
    progress: number(values.progress),
    attempts: Number(values.attempts),
    startedAtMs: number(values.startedAtMs),
    completedAtMs: number(values.completedAtMs),
    loadMs: number(values.loadMs),
    worker: values.worker || null,
    output: parse(values.output),
    files: parse<Artifact[]>(values.files) ?? [],
    dataRemoved: values.dataRemoved === '1',
    usage: parse(values.usage),
    error: parse<ErrorBody>(values.error),
    webhook: decodeWebhook(values),
  };
}

function encodeWebhook(webhook: NonNullable<NewJob['webhook']>): Record<string, string> {
  return {
    webhookUrl: webhook.url,
    webhookEvents: JSON.stringify(webhook.events),
    webhookStatus: 'pending',
    webhookAttempts: '0',
  };
}

function decodeWebhook(values: Values): JobRecord['webhook'] {
  if (!values.webhookUrl) return null;
  return {
    url: values.webhookUrl,
    events: parse<string[]>(values.webhookEvents) ?? [],
    status: (values.webhookStatus || 'pending') as 'pending' | 'delivered' | 'failed',
    attempts: Number(values.webhookAttempts ?? 0),
    lastError: values.webhookError || null,
  };
}

const text = (value: string | null | undefined): string => value ?? '';
const number = (value: string | null | undefined): number | null => (value ? Number(value) : null);

function parse<Value>(value: string | null | undefined): Value | null {
  return value ? (JSON.parse(value) as Value) : null;
}
