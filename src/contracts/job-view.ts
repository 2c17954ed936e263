import { type Artifact, isTerminal, type JobRecord, maxAttempts } from './job.ts';

/** What only the moment knows of a job. */
export interface JobMoment {
  readonly baseUrl: string;
  readonly position: number | null;
  /** Its model is on its way; of interest while the job waits. */
  readonly isLoading?: boolean;
  readonly startsAtMs: number | null;
}

const priorityByClass = { interactive: 'high', normal: 'normal', batch: 'low' } as const;

const seconds = (ms: number): number => Math.floor(ms / 1000);
const secondsOrNull = (ms: number | null): number | null => (ms === null ? null : seconds(ms));
const between = (fromMs: number | null, toMs: number | null): number | null =>
  fromMs === null || toMs === null ? null : Math.max(0, toMs - fromMs);

/** The job as clients see it, in answers and in webhooks: seconds for moments and durations, ms for what was measured. */
export function jobView(record: JobRecord, moment: JobMoment) {
  const { createdAtMs, startedAtMs, completedAtMs } = record;
  const isOver = isTerminal(record.status);
  return {
    id: record.id,
    object: 'job',
    status: record.status,
    phase: isOver ? null : moment.isLoading ? 'loading_model' : record.phase,
    model: record.model,
    type: record.modelType,
    endpoint: record.endpoint,
    created_at: seconds(createdAtMs),
    started_at: secondsOrNull(startedAtMs),
    completed_at: secondsOrNull(completedAtMs),
    expires_at: completedAtMs === null ? null : seconds(completedAtMs + record.resultTtlMs),
    queue_position: moment.position,
    estimated_start_at: secondsOrNull(moment.startsAtMs),
    progress: record.progress,
    priority: priorityByClass[record.class],
    attempts: record.attempts,
    max_attempts: maxAttempts,
    policy: {
      queue_ttl_seconds: Math.round((record.queueDeadlineMs - createdAtMs) / 1000),
      execution_timeout_seconds: Math.round(record.executionTimeoutMs / 1000),
      result_ttl_seconds: Math.round(record.resultTtlMs / 1000),
    },
    output: record.output,
    files: record.files.map((file) => fileView(record, file, moment.baseUrl)),
    error: record.error,
    usage: record.usage,
    metrics: {
      queue_ms: between(createdAtMs, startedAtMs),
      load_ms: record.loadMs,
      execution_ms: between(startedAtMs, completedAtMs),
      total_ms: between(createdAtMs, completedAtMs),
    },
    webhook: record.webhook && webhookView(record.webhook),
    metadata: record.metadata,
    urls: urlsOf(record, moment.baseUrl),
  };
}

function fileView({ id }: JobRecord, { index, contentType, bytes, sha256 }: Artifact, baseUrl: string) {
  return { index, url: `${baseUrl}/jobs/${id}/content/${index}`, content_type: contentType, bytes, sha256 };
}

function webhookView({ url, events, status, attempts, lastError }: NonNullable<JobRecord['webhook']>) {
  return { url, events, status, attempts, last_error: lastError };
}

function urlsOf({ id, files }: JobRecord, baseUrl: string) {
  const get = `${baseUrl}/jobs/${id}`;
  return { get, cancel: `${get}/cancel`, content: files.length === 0 ? null : `${get}/content` };
}
