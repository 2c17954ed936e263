import {
  createRedisBackend,
  type Job,
  type Processor,
  type RedisQueueBackend,
  WaitingError,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import type { Redis } from 'ioredis';
import { prefix } from './keys.ts';
import type { LaneJobData } from './lane-entry.ts';
import { untilDone } from './patience.ts';

export type LaneJob = Job<LaneJobData, void, string>;

/** What becomes of the BullMQ job when an attempt is over: it leaves the lane, or is the next of it again. */
export type LaneEnd = 'leave' | 'next-again';

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
  /** After an attempt that is to run again went back to its lane. */
  readonly onPutBack: (jobId: string, lane: string) => Promise<void>;
}

/**
 * BullMQ's worker of one lane, driven by hand: we fetch, it holds and renews the lock for as long as the attempt is
 * open, and commits when the attempt is closed. It never runs its own loop and has no blocking connection.
 */
export class LaneWorker {
  readonly lane: string;
  private readonly worker: DrivenWorker;
  private readonly options: LaneWorkerOptions;
  private readonly ends = new Map<string, Promise<LaneEnd>>();

  constructor(lane: string, options: LaneWorkerOptions) {
    this.lane = lane;
    this.options = options;
    const run: Processor<LaneJobData, void, string> = (job, token) => this.run(job, token ?? '');
    this.worker = new DrivenWorker(lane, run, workerOptions(options));
    this.worker.on('error', options.onError);
    this.worker.on('lockRenewalFailed', (ids) => ids.forEach(options.onLockLost));
    this.worker.on('stalled', options.onStalled);
  }

  async start(): Promise<void> {
    this.worker.startLocks();
    await this.worker.startStalledCheckTimer();
  }

  /** The next job of the lane under a lock of this token; null when nothing waits. */
  async take(token: string): Promise<LaneJob | null> {
    return (await this.worker.getNextJob(token, { block: false })) ?? null;
  }

  /** Holds the job's lock until `end` is known, then commits it. Never rejects. */
  async hold(job: LaneJob, token: string, end: Promise<LaneEnd>): Promise<void> {
    this.ends.set(token, end);
    try {
      await this.worker.processJob(job, token, () => false);
    } catch (error) {
      this.worker.emit('error', error as Error);
    } finally {
      this.ends.delete(token);
    }
  }

  /** Puts an active job back at the front. `token` '0' is for a job whose lock is gone. */
  async putBack(jobId: string, token: string): Promise<void> {
    await this.worker.getBackend().moveJobFromActiveToWait(jobId, token);
  }

  async close(): Promise<void> {
    await this.worker.close(true);
  }

  private async run(job: LaneJob, token: string): Promise<void> {
    const end = await (this.ends.get(token) ?? Promise.resolve<LaneEnd>('next-again'));
    if (end === 'leave') return;
    await this.putBackSurely(job.id ?? '', token);
    await this.options.onPutBack(job.id ?? '', this.lane);
    throw new WaitingError();
  }

  /** Any other end than "put back" or "the lock is not ours" would let BullMQ drop a job that must run again. */
  private async putBackSurely(jobId: string, token: string): Promise<void> {
    const putBack = () =>
      this.putBack(jobId, token).catch((error: Error) => {
        if (!/lock|Missing key/i.test(error.message)) throw error;
      });
    await untilDone(putBack, () => this.worker.closing !== undefined, this.options.onError);
  }
}

class DrivenWorker extends Worker<LaneJobData, void, string> {
  constructor(lane: string, run: Processor<LaneJobData, void, string>, options: WorkerOptions) {
    super(
      lane,
      run,
      { ...options, autorun: false },
      (name, settings) =>
        createRedisBackend(name, settings, { withBlockingConnection: false }) as RedisQueueBackend,
    );
  }

  /** `run()` would do it, and is never called. */
  startLocks(): void {
    this.lockManager.start();
  }
}

function workerOptions({ redis, workerName, timing }: LaneWorkerOptions): WorkerOptions {
  return {
    connection: redis,
    prefix,
    name: workerName,
    lockDuration: timing.lockDurationMs,
    stalledInterval: timing.stalledIntervalMs,
    // How often a job may start is decided by the start script, which counts attempts in the record.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    runRetryDelay: 1000,
    skipVersionCheck: true,
    skipWaitingForReady: true,
  };
}
