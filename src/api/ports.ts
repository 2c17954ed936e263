import type { Readable } from 'node:stream';
import type { ControlMessage } from '../contracts/control.ts';
import type { RoundhouseEvent } from '../contracts/events.ts';
import type { InboxId, JobId, KeyId, ModelId } from '../contracts/ids.ts';
import type { Artifact, JobMessage, JobRecord, JobStatus, NewJob } from '../contracts/job.ts';
import type { WorkerView } from '../contracts/model.ts';

/** What the API needs of the queue. Every call fails with a RoundhouseError within a second when Redis is away. */
export interface JobStore {
  /**
   * Makes the job durable: it will run even if every process dies now.
   * @throws queue_full (429), queue_unavailable (503), storage_full (507)
   */
  submit(job: NewJob, admission: { readonly queueCap: number; readonly retryAfterS: number }): Promise<void>;
  /** The record; `null`: never existed; `'expired'`: past its retention. */
  find(id: JobId): Promise<JobRecord | 'expired' | null>;
  list(query: JobQuery): Promise<{ readonly jobs: readonly JobRecord[]; readonly hasMore: boolean }>;
  /** queued -> cancelled, in_progress -> cancelling (the worker is told), terminal -> unchanged; the record after it. */
  cancel(id: JobId, reason: string): Promise<JobRecord | null>;
  /** 1 is the next of its lane to start; null when it no longer waits. */
  position(id: JobId): Promise<{ readonly position: number } | null>;
  /** Waiting jobs per model. */
  depths(): Promise<
    ReadonlyMap<
      ModelId,
      { readonly queued: number; readonly inProgress: number; readonly oldestQueuedAtMs: number | null }
    >
  >;
}

export interface JobQuery {
  readonly keyId: KeyId;
  readonly status?: JobStatus;
  readonly model?: ModelId;
  readonly createdAfterMs?: number;
  readonly createdBeforeMs?: number;
  readonly after?: JobId;
  readonly limit: number;
  readonly order: 'asc' | 'desc';
}

/** Tokens, progress and outcomes, as they arrive at this process. */
export interface JobInbox {
  readonly id: InboxId;
  /** Listen before `submit`, or the first token may be missed. Returns the function that ends it. */
  subscribe(jobId: JobId, listener: (message: JobMessage, record?: JobRecord | null) => void): () => void;
}

/** What workers publish about themselves and what the operator may ask of them. */
export interface WorkerBoard {
  /** Live workers only. */
  workers(): Promise<readonly WorkerView[]>;
  pausedModels(): Promise<ReadonlySet<ModelId>>;
  /** Pause and resume are kept over restarts. */
  send(message: ControlMessage): Promise<void>;
  /** Newest first. */
  history(kind: 'swaps' | 'jobs' | 'models', limit: number): Promise<readonly HistoryEntry[]>;
  /** Round trip to Redis, ms. @throws queue_unavailable */
  ping(): Promise<number>;
}

export interface HistoryEntry {
  readonly atMs: number;
  readonly event: RoundhouseEvent;
}

/** The bytes of an artifact, from this disk or from the worker that made it. */
export interface ArtifactSource {
  /** `range` is inclusive. null: it is gone. @throws queue_unavailable-like 503 when its worker cannot be reached. */
  open(
    record: JobRecord,
    index: number,
    range?: { readonly start: number; readonly end: number },
  ): Promise<Readable | null>;
}

/** Files that clients send, on this disk until their job has ended. */
export interface UploadDesk {
  /** Whole or not at all. @throws storage_full; what `bytes` throws */
  write(
    jobId: JobId,
    index: number,
    contentType: string,
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<Artifact>;
  /** No job came of them. */
  remove(jobId: JobId): Promise<void>;
  /** Where workers on other machines fetch them; null: nowhere. */
  url(): string | null;
}

/** The end of a model server's log, when this process or its worker has it. */
export interface LogSource {
  tail(model: ModelId, lines: number): Promise<readonly string[] | null>;
}
