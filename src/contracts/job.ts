import type { ErrorBody } from './errors.ts';
import type { InboxId, JobId, KeyId, ModelId } from './ids.ts';
import type { ModelType } from './model.ts';
import type { Uploads } from './upload.ts';

/** Every status and where it may go: the diagram, the type and the check in one place. */
export const jobTransitions = {
  queued: ['in_progress', 'cancelled', 'expired', 'failed'],
  in_progress: ['completed', 'failed', 'cancelling', 'cancelled', 'queued'],
  cancelling: ['cancelled', 'completed', 'failed'],
  completed: [],
  failed: [],
  cancelled: [],
  expired: [],
} as const satisfies Record<string, readonly string[]>;

export type JobStatus = keyof typeof jobTransitions;

export const jobStatuses = Object.keys(jobTransitions) as JobStatus[];
export const isTerminal = (status: JobStatus): boolean => jobTransitions[status].length === 0;
export const mayBecome = (from: JobStatus, to: JobStatus): boolean =>
  (jobTransitions[from] as readonly string[]).includes(to);

/** The lanes of a model, most urgent first: an index is what the scheduler calls a class. */
export const jobClasses = ['interactive', 'normal', 'batch'] as const;
export type JobClass = (typeof jobClasses)[number];

/** What a job in progress is doing. */
export const jobPhases = ['loading_model', 'generating', 'saving'] as const;
export type JobPhase = (typeof jobPhases)[number];

/** An infrastructure fault is retried once: a job starts at most twice. */
export const maxAttempts = 2;

/** A file that a model produced, kept on the disk of the worker that made it. */
export interface Artifact {
  readonly index: number;
  readonly contentType: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface JobWebhook {
  readonly url: string;
  /** Event types to send; the terminal ones when the client named none. */
  readonly events: readonly string[];
  readonly status: 'pending' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly lastError: string | null;
}

/** What the API hands to the queue: validated, admitted, not yet stored. */
export interface NewJob {
  readonly id: JobId;
  readonly model: ModelId;
  readonly modelType: ModelType;
  /** The path on the model server, such as `/v1/chat/completions`. */
  readonly endpoint: string;
  readonly class: JobClass;
  readonly keyId: KeyId;
  /** The JSON body for the model server, `model` set and our own fields stripped. */
  readonly body: string;
  /** Files that the client sent with it; none: the body is all. */
  readonly uploads?: Uploads | null;
  /** A client's connection waits for it: it dies with the client, and a model that cannot start fails it. */
  readonly sync: boolean;
  /** The client wants server-sent events. */
  readonly stream: boolean;
  /** Where tokens and the outcome are sent; null when nobody listens from the start. */
  readonly inboxId: InboxId | null;
  readonly createdAtMs: number;
  /** Still queued at this moment: it becomes `expired`. */
  readonly queueDeadlineMs: number;
  /** Longest run of one attempt. */
  readonly executionTimeoutMs: number;
  /** How long record and result are kept after the end. */
  readonly resultTtlMs: number;
  readonly webhook: { readonly url: string; readonly events: readonly string[] } | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A job as it is stored, without its body and uploads (which only a claim reads). */
export interface JobRecord extends Omit<NewJob, 'body' | 'uploads' | 'webhook'> {
  readonly status: JobStatus;
  readonly phase: JobPhase | null;
  /** 0 to 100, null while unknown. */
  readonly progress: number | null;
  readonly attempts: number;
  readonly startedAtMs: number | null;
  readonly completedAtMs: number | null;
  /** Time spent on loading the model for it, part of the wait. */
  readonly loadMs: number | null;
  /** Name of the worker that ran the last attempt and keeps its artifacts. */
  readonly worker: string | null;
  /** The endpoint's JSON answer, with numbers of files in place of their bytes; null when the answer is a file. */
  readonly output: unknown;
  readonly files: readonly Artifact[];
  /** Its files were removed before their time, to make room. */
  readonly dataRemoved: boolean;
  readonly usage: unknown;
  readonly error: ErrorBody | null;
  readonly webhook: JobWebhook | null;
}

/** The result of a successful attempt. */
export interface JobResult {
  readonly output: unknown;
  readonly files: readonly Artifact[];
  readonly usage: unknown;
}

/** What an attempt came to. `retry` becomes `failed` when no attempt is left. */
export type Outcome =
  | { readonly kind: 'completed'; readonly result: JobResult }
  | { readonly kind: 'failed'; readonly error: ErrorBody }
  | { readonly kind: 'retry'; readonly error: ErrorBody }
  /** Back to its lane without using up the attempt: the worker is stopping, or no server was ready after all. */
  | { readonly kind: 'snooze' }
  | { readonly kind: 'cancelled' };

/**
 * What travels from worker to API about one job. `chunk.data` holds whole SSE data payloads, in order, without
 * `data: ` and line ends; `seq` counts them from 0 within an attempt.
 */
export type JobMessage =
  | { readonly type: 'started'; readonly jobId: JobId; readonly attempt: number }
  | {
      readonly type: 'chunk';
      readonly jobId: JobId;
      readonly attempt: number;
      readonly seq: number;
      readonly data: readonly string[];
    }
  | {
      readonly type: 'progress';
      readonly jobId: JobId;
      readonly progress: number | null;
      readonly phase: JobPhase;
    }
  | { readonly type: 'requeued'; readonly jobId: JobId; readonly attempt: number; readonly error: ErrorBody }
  | { readonly type: 'settled'; readonly jobId: JobId; readonly status: JobStatus };
