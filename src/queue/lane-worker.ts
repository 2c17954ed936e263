import { createRedisBackend, type RedisQueueBackend, Worker, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { prefix } from './keys.ts';

export interface LaneTiming {
  /** A worker that is gone for this long has lost its jobs. */
  readonly lockDurationMs: number;
  readonly stalledIntervalMs: number;
}

export const defaultLaneTiming: LaneTiming = { lockDurationMs: 30_000, stalledIntervalMs: 15_000 };

export interface LaneWorkerOptions {
  readonly redis: Redis;
  readonly workerName: string;
  readonly timing: LaneTiming;
  readonly onLockLost: (jobId: string) => void;
  readonly onStalled: (jobId: string) => void;
  readonly onError: (error: Error) => void;
}

/**
 * BullMQ's worker of one lane: it renews the locks of the attempts that are open here, and finds jobs whose worker was
 * lost. Jobs are taken and given up by our own scripts; it never runs its own loop and has no blocking connection.
 */
export class LaneWorker {
  readonly lane: string;
  private readonly worker: DrivenWorker;

  constructor(lane: string, options: LaneWorkerOptions) {
    this.lane = lane;
    this.worker = new DrivenWorker(lane, workerOptions(options));
    this.worker.on('error', options.onError);
    this.worker.on('lockRenewalFailed', (ids) => ids.forEach(options.onLockLost));
    this.worker.on('stalled', options.onStalled);
  }

  async start(): Promise<void> {
    this.worker.startLocks();
    await this.worker.startStalledCheckTimer();
  }

  /** Renews the job's lock from now on. */
  track(jobId: string, token: string, nowMs: number): void {
    this.worker.track(jobId, token, nowMs);
  }

  untrack(jobId: string): void {
    this.worker.untrack(jobId);
  }

  /** Puts an active job back at the front. `token` '0' is for a job whose lock is gone. */
  async putBack(jobId: string, token: string): Promise<void> {
    await this.worker.getBackend().moveJobFromActiveToWait(jobId, token);
  }

  async close(): Promise<void> {
    await this.worker.close(true);
  }
}

class DrivenWorker extends Worker {
  constructor(lane: string, options: WorkerOptions) {
    super(
      lane,
      async () => undefined,
      { ...options, autorun: false },
      (name, settings) =>
        createRedisBackend(name, settings, { withBlockingConnection: false }) as RedisQueueBackend,
    );
  }

  /** `run()` would do it, and is never called. */
  startLocks(): void {
    this.lockManager.start();
  }

  track(jobId: string, token: string, nowMs: number): void {
    this.lockManager.trackJob(jobId, token, nowMs);
  }

  untrack(jobId: string): void {
    this.lockManager.untrackJob(jobId);
  }
}

function workerOptions({ redis, workerName, timing }: LaneWorkerOptions): WorkerOptions {
  return {
    connection: redis,
    prefix,
    name: workerName,
    lockDuration: timing.lockDurationMs,
    stalledInterval: timing.stalledIntervalMs,
    // How often a job may start is decided by the claim script, which counts attempts in the record.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    runRetryDelay: 1000,
    skipVersionCheck: true,
    skipWaitingForReady: true,
  };
}
