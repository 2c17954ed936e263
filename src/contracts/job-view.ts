import { type Artifact, isTerminal, type JobRecord, maxAttempts } from './job.ts';
import { isMediaOutput, withFiles } from './media-output.ts';

/** How links to a job begin, and what makes one to a file of it good without a key. */
export interface JobLinks {
  readonly baseUrl: string;
  readonly queryOf: (record: JobRecord, index: number) => string;
}

/** What only the moment knows of a job. */
export interface JobMoment {
  readonly links: JobLinks;
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
    output: outputView(record, moment.links),
    files: record.files.map((file) => fileView(record, file, moment.links)),
    data_removed: record.dataRemoved,
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
    urls: urlsOf(record, moment.links),
  };
}

/** A link to one file of a job, good until its result expires. */
export const fileUrl = (record: JobRecord, index: number, { baseUrl, queryOf }: JobLinks): string =>
  `${baseUrl}/jobs/${record.id}/content/${index}?${queryOf(record, index)}`;

/** The answer of the endpoint, with links where files were. */
export function outputView(record: JobRecord, links: JobLinks): unknown {
  const { endpoint, output } = record;
  if (!isMediaOutput(endpoint, output)) return output;
  return withFiles(output, (file) => ({ url: fileUrl(record, file, links) }));
}

function fileView(record: JobRecord, { index, contentType, bytes, sha256 }: Artifact, links: JobLinks) {
  return { index, url: fileUrl(record, index, links), content_type: contentType, bytes, sha256 };
}

function webhookView({ url, events, status, attempts, lastError }: NonNullable<JobRecord['webhook']>) {
  return { url, events, status, attempts, last_error: lastError };
}

function urlsOf(record: JobRecord, links: JobLinks) {
  const [first] = record.files;
  const get = `${links.baseUrl}/jobs/${record.id}`;
  const content = first === undefined ? null : `${get}/content?${links.queryOf(record, first.index)}`;
  return { get, cancel: `${get}/cancel`, content };
}
