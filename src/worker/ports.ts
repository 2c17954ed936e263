import type { ControlMessage } from '../contracts/control.ts';
import type { ErrorBody } from '../contracts/errors.ts';
import type { BootId, InboxId, JobId, ModelId } from '../contracts/ids.ts';
import type {
  Artifact,
  JobClass,
  JobMessage,
  JobRecord,
  JobStatus,
  NewJob,
  Outcome,
} from '../contracts/job.ts';
import type { ModelFailure, ModelState, WorkerView } from '../contracts/model.ts';
import type { Upload, Uploads } from '../contracts/upload.ts';

/** What the worker needs of the queue: lanes to look at and to claim from. */
export interface Lanes {
  /** All lanes at one moment. O(models), whatever is queued. */
  snapshot(): Promise<readonly LaneCounts[]>;
  /** The next job of one lane, started (attempt counted, record `in_progress`); null: nothing to claim. */
  claim(model: ModelId, jobClass: JobClass): Promise<ClaimedJob | null>;
  /** Permission to start a job in the step that accepts it; null: not now. */
  ticket(model: ModelId, jobClass: JobClass): StartTicket | null;
  /** Resolves when something may have changed: a job came, `wake` was called, or the time is over. Never rejects. */
  waitForWork(timeoutMs: number): Promise<void>;
  wake(): void;
  /** Ends waiting jobs of a model that cannot start: the sync ones, or all. Returns how many. */
  failWaiting(model: ModelId, error: ErrorBody, which: 'sync' | 'all'): Promise<number>;
}

/** A token for a job that starts as it is accepted. One of the two methods is called, once. */
export interface StartTicket {
  readonly token: string;
  readonly workerName: string;
  readonly lockDurationMs: number;
  /** The job was started under the token, at this moment (epoch ms). */
  open(job: NewJob, startedAtMs: number): ClaimedJob;
  /** It was not, or that is not known. */
  close(): void;
}

/**
 * Three numbers per class (interactive, normal, batch) of the jobs in the lanes. Times are epoch ms, `oldest` is -1
 * without a job.
 */
export interface LaneCounts {
  readonly model: ModelId;
  readonly waiting: readonly [number, number, number];
  readonly oldest: readonly [number, number, number];
  /** Sum of the times at which they entered, for the waiting already suffered. */
  readonly sumEnqueued: readonly [number, number, number];
  /** Jobs that ever entered, for arrival rates. */
  readonly accepted: readonly [number, number, number];
  /** Jobs that ever came to a backlog before the lane instead; it is seen no further. */
  readonly joined?: readonly [number, number, number];
  readonly paused: boolean;
}

/** A job that this worker alone may run, until `settle`. */
export interface ClaimedJob {
  readonly record: JobRecord;
  readonly body: string;
  /** Files that the model server is to get with it; without them the body is all. */
  readonly uploads?: Uploads | null;
  /** Counts from 1. */
  readonly attempt: number;
  /** Aborts when the job is cancelled (`reason.code === 'job_cancelled'`) or abandoned, or its lock is lost. */
  readonly signal: AbortSignal;
  /** Nobody waits for it any more. */
  abandon(): void;
  /** Records the outcome exactly once and returns the status it led to; a later attempt's outcome wins nothing. */
  settle(outcome: Outcome): Promise<JobStatus>;
}

/** Tokens and progress on their way to the API process that waits for them. */
export interface JobChannel {
  send(inbox: InboxId, message: JobMessage): void;
  /** Whether the API process behind this inbox still lives; true while that is not known. */
  inboxAlive(inbox: InboxId): Promise<boolean>;
  /** Also kept in the record, so that polling sees it. Rate-limited inside. */
  progress(
    record: JobRecord,
    progress: number | null,
    phase: 'loading_model' | 'generating' | 'saving',
  ): void;
}

/** Operators' wishes and what the worker tells about itself. */
export interface WorkerDesk {
  onControl(listener: (message: ControlMessage) => void): () => void;
  publish(view: WorkerView): Promise<void>;
  loadEstimates(): Promise<unknown>;
  saveEstimates(estimates: unknown): Promise<void>;
}

/** What the worker needs of the supervisor: the turntable. */
export interface Turntable {
  /** Every model's server as it is now. */
  states(): ReadonlyMap<ModelId, ServerView>;
  /**
   * Starts the model's server and resolves when it can really generate.
   * @throws RoundhouseError model_load_failed, with the log tail
   */
  load(model: ModelId): Promise<void>;
  /** TERM, grace, KILL of the whole tree; resolves when the memory is back. Never rejects: a tree always dies. */
  unload(model: ModelId, reason: string): Promise<void>;
  /** Makes its GPU memory free: asleep where it can, else ended; `states` tells which. Never rejects. */
  evict(model: ModelId, reason: string): Promise<void>;
  /** This model comes next: what its load will read may be read now. */
  readAhead(model: ModelId): void;
  /** Permission to use a ready server; null when it is not ready. */
  lease(model: ModelId): ServerLease | null;
  onChange(listener: (model: ModelId, view: ServerView) => void): () => void;
}

export interface ServerView {
  readonly model: ModelId;
  readonly state: ModelState;
  /** Its next load is a wake, as far as can be told. */
  readonly sleeps: boolean;
  readonly sinceMs: number;
  readonly loadProgress: number | null;
  readonly loadPhase: string | null;
  readonly bootId: BootId | null;
  readonly pid: number | null;
  readonly failure: ModelFailure | null;
}

export interface ServerLease {
  readonly bootId: BootId;
  /** Where to send requests: a Unix socket path, or an origin such as `http://127.0.0.1:8001`. */
  readonly target: { readonly socketPath: string } | { readonly origin: string };
  /** Aborts when the server dies; its reason is a RoundhouseError model_crashed. */
  readonly gone: AbortSignal;
  /** Progress that the service reports for one job, 0 to 1. */
  onProgress(jobId: JobId, listener: (progress: number | null, phase: string | null) => void): () => void;
  /** Ends a server that hangs: KILL of the tree; the model becomes `failed` and may be loaded again. */
  kill(reason: string): Promise<void>;
  release(): void;
}

/** Files that came with jobs. */
export interface UploadSource {
  /**
   * From this disk, or from the API that took it, at `url`. null: it is gone.
   * @throws what kept it from being read
   */
  open(jobId: JobId, upload: Upload, url: string | null): Promise<AsyncIterable<Uint8Array> | null>;
}

/** Where results that are files go. */
export interface ArtifactSink {
  /** Writes atomically under a name of our own; the file appears whole or not at all. @throws storage_full */
  write(
    jobId: JobId,
    index: number,
    contentType: string,
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<Artifact>;
}
