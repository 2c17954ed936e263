import { type Job, Queue, type QueueOptions, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Emit } from '../contracts/events.ts';
import type { JobId } from '../contracts/ids.ts';
import type { JobRecord } from '../contracts/job.ts';
import type { Clock } from '../platform/clock.ts';
import { keys, prefix, webhookQueueName } from './keys.ts';
import { orAborted } from './patience.ts';
import { queueError } from './queue-errors.ts';
import { findRecord } from './record-reader.ts';

const pollEveryMs = 250;
const pageSize = 100;
const deliveriesAtOnce = 8;

export interface WebhookTiming {
  readonly attempts: number;
  /** Delay before the second try; it doubles with each, half of it by chance. */
  readonly firstDelayMs: number;
  readonly lockDurationMs: number;
}

const defaultTiming: WebhookTiming = { attempts: 5, firstDelayMs: 2000, lockDurationMs: 30_000 };

/** One due delivery, as `start` hands it out. */
export interface Delivery {
  /** The same over all tries: the receiver's idempotency key. */
  readonly eventId: string;
  readonly jobId: JobId;
  /** Counts from 1. */
  readonly attempt: number;
  readonly lastAttempt: boolean;
  /** The job as it ended; null when its record is gone. */
  readonly record: JobRecord | null;
  /** Kept in the job's record: how the delivery stands. */
  report(outcome: {
    readonly status: 'pending' | 'delivered' | 'failed';
    readonly error: string | null;
  }): Promise<void>;
}

export interface WebhookQueueOptions {
  /** A connection of role `worker`. */
  readonly redis: Redis;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly timing?: WebhookTiming;
}

/**
 * Webhooks that ended jobs owe. The step that ends a job writes it into the outbox; from there each becomes a BullMQ
 * job of its own, under an id that makes a repeat harmless, and is tried until delivered or out of attempts.
 */
export class RedisWebhookQueue {
  private readonly options: WebhookQueueOptions;
  private readonly timing: WebhookTiming;
  private queue: Queue<{ jobId: JobId }> | null = null;
  private worker: Worker<{ jobId: JobId }> | null = null;
  private moving: Promise<void> = Promise.resolve();
  private stopTimer: () => void = () => undefined;
  private isStopping = false;

  constructor(options: WebhookQueueOptions) {
    this.options = options;
    this.timing = options.timing ?? defaultTiming;
  }

  /** Runs `deliver` for each due delivery; it returns when delivered and throws to be tried again later. */
  async start(deliver: (delivery: Delivery) => Promise<void>): Promise<void> {
    const settings: QueueOptions = { connection: this.options.redis, prefix, skipVersionCheck: true };
    this.queue = new Queue(webhookQueueName, { ...settings, streams: { events: { maxLen: 100 } } });
    this.queue.on('error', (error) => this.fault(error));
    this.worker = new Worker<{ jobId: JobId }>(webhookQueueName, (job) => this.run(job, deliver), {
      ...settings,
      concurrency: deliveriesAtOnce,
      lockDuration: this.timing.lockDurationMs,
      stalledInterval: this.timing.lockDurationMs / 2,
      maxStalledCount: this.timing.attempts,
    });
    this.worker.on('error', (error) => this.fault(error));
    this.poll();
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.isStopping = true;
    this.stopTimer();
    await orAborted(Promise.allSettled([this.moving, this.worker?.close()]), deadline);
    await this.queue?.close().catch(() => undefined);
  }

  private poll(): void {
    this.moving = this.moveOutbox()
      .catch((error: Error) => this.fault(error))
      .finally(() => {
        if (!this.isStopping) this.stopTimer = this.options.clock.after(pollEveryMs, () => this.poll());
      });
  }

  /** First into the queue, then off the outbox: a crash in between repeats an addition that changes nothing. */
  private async moveOutbox(): Promise<void> {
    const { redis } = this.options;
    if (redis.status !== 'ready') return;
    const ids = (await redis.zrange(keys.outbox, 0, String(pageSize - 1))) as JobId[];
    for (const jobId of ids) {
      await this.queue?.add('deliver', { jobId }, this.jobOptions(jobId));
      await redis.zrem(keys.outbox, jobId);
    }
  }

  private jobOptions(jobId: JobId) {
    return {
      jobId: eventIdOf(jobId),
      attempts: this.timing.attempts,
      backoff: { type: 'exponential', delay: this.timing.firstDelayMs, jitter: 0.5 },
      removeOnComplete: { age: 3600, count: 1000 },
      removeOnFail: { age: 604_800, count: 1000 },
      stackTraceLimit: 1,
    } as const;
  }

  private async run(
    job: Job<{ jobId: JobId }>,
    deliver: (delivery: Delivery) => Promise<void>,
  ): Promise<void> {
    const { redis, clock } = this.options;
    const { jobId } = job.data;
    const record = await findRecord(redis, jobId, clock.now());
    const attempt = job.attemptsMade + 1;
    await deliver({
      eventId: eventIdOf(jobId),
      jobId,
      attempt,
      lastAttempt: attempt >= this.timing.attempts,
      record: record === 'expired' ? null : record,
      report: (outcome) => this.report(jobId, attempt, outcome),
    });
  }

  private async report(
    jobId: JobId,
    attempt: number,
    { status, error }: { readonly status: string; readonly error: string | null },
  ): Promise<void> {
    const { redis } = this.options;
    if ((await redis.exists(keys.job(jobId))) === 0) return;
    await redis.hset(keys.job(jobId), {
      webhookStatus: status,
      webhookAttempts: attempt,
      webhookError: error ?? '',
    });
  }

  private fault(error: Error): void {
    if (this.isStopping || queueError(error).code === 'queue_unavailable') return;
    this.options.emit({ type: 'system.fault', where: 'webhook queue', message: error.message });
  }
}

/** A job ends once, so its id names the event. */
const eventIdOf = (jobId: JobId): string => jobId.replace(/^job_/, 'evt_');
