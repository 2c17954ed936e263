import type { BootId, JobId, KeyId, ModelId } from './ids.ts';
import type { JobClass, JobStatus } from './job.ts';
import type { ModelState } from './model.ts';

/**
 * Everything worth telling, as facts. Logs, history, metrics and tests hang on these; `platform/event-log.ts` is the
 * only file that turns them into sentences. Times are in ms.
 */
export type RoundhouseEvent =
  /** `keyId`: whose it is; in the history. */
  | {
      type: 'job.accepted';
      jobId: JobId;
      model: ModelId;
      class: JobClass;
      keyId?: KeyId;
      /** It started in the same step. */
      isStarted?: true;
    }
  | { type: 'job.started'; jobId: JobId; model: ModelId; attempt: number; waitMs: number }
  | {
      type: 'job.settled';
      jobId: JobId;
      model: ModelId;
      status: JobStatus;
      attempt: number;
      runMs: number;
      code: string | null;
    }
  | { type: 'job.requeued'; jobId: JobId; model: ModelId; attempt: number; reason: string }
  | { type: 'job.rescued'; jobId: JobId; model: ModelId }
  | { type: 'job.client-left'; jobId: JobId }
  | { type: 'job.expired'; jobId: JobId; model: ModelId; waitMs: number }
  | { type: 'model.state-changed'; model: ModelId; from: ModelState; to: ModelState; reason: string | null }
  | { type: 'swap.started'; load: ModelId; evict: readonly ModelId[]; reason: string; why: string }
  | {
      type: 'swap.finished';
      load: ModelId;
      evicted: readonly ModelId[];
      reason: string;
      tookMs: number;
      drainMs: number;
      unloadMs: number;
      loadMs: number;
    }
  | {
      type: 'swap.failed';
      load: ModelId;
      evicted: readonly ModelId[];
      reason: string;
      failures: number;
      retryInMs: number;
    }
  | { type: 'server.started'; model: ModelId; bootId: BootId; pid: number }
  | {
      type: 'server.exited';
      model: ModelId;
      bootId: BootId;
      code: number | null;
      signal: string | null;
      expected: boolean;
    }
  | { type: 'server.killed'; model: ModelId; bootId: BootId; reason: string }
  /** Its GPU memory is back, and it will be ready again without a cold start. */
  | { type: 'server.slept'; model: ModelId; bootId: BootId; tookMs: number }
  | { type: 'server.woke'; model: ModelId; bootId: BootId; tookMs: number }
  /** Weights of a model that comes next, in the page cache now; `isWhole`: all of them. */
  | { type: 'weights.read-ahead'; model: ModelId; mb: number; tookMs: number; isWhole: boolean }
  /** It is ended instead. `isFinal`: this start of it is not asked again. */
  | { type: 'server.sleepless'; model: ModelId; bootId: BootId; why: string; isFinal: boolean }
  | { type: 'server.hung'; model: ModelId; bootId: BootId; what: string; silentMs: number }
  | { type: 'vram.waiting'; model: ModelId; needMb: number; freeMb: number; holders: readonly string[] }
  | { type: 'vram.gave-up'; model: ModelId; needMb: number; freeMb: number; holders: readonly string[] }
  | { type: 'orphans.swept'; pids: readonly number[] }
  | { type: 'redis.started'; binary: string; socket: string; pid: number }
  | { type: 'redis.loading'; waitedMs: number }
  | { type: 'redis.exited'; code: number | null; signal: string | null; restartInMs: number }
  | { type: 'redis.unreachable'; reason: string }
  | { type: 'redis.back'; downMs: number }
  | { type: 'webhook.delivered'; jobId: JobId; attempt: number; status: number; tookMs: number }
  | { type: 'webhook.failed'; jobId: JobId; attempt: number; reason: string; retryInMs: number | null }
  | { type: 'http.listening'; host: string; port: number; role: string }
  | { type: 'worker.started'; name: string; reclaimed: number }
  | { type: 'worker.lock-lost'; jobId: JobId }
  | { type: 'registry.loaded'; path: string; models: readonly string[] }
  | { type: 'registry.warned'; path: string; warnings: readonly string[] }
  | { type: 'janitor.swept'; expired: number; records: number; files: number }
  /** Result files were over their limit: those of the oldest jobs went. */
  | { type: 'artifacts.fitted'; jobs: number; freedMb: number; limitMb: number }
  | { type: 'system.stopping'; signal: string }
  | { type: 'system.stopped'; tookMs: number }
  | { type: 'system.fault'; where: string; message: string };

export type EventType = RoundhouseEvent['type'];
export type EventOf<Type extends EventType> = Extract<RoundhouseEvent, { type: Type }>;

/** Where events go; never throws, never waits. */
export type Emit = (event: RoundhouseEvent) => void;
