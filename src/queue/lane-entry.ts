import {
  createRedisBackend,
  type JobJson,
  QueueKeys,
  type QueueOptions,
  type RedisQueueBackend,
} from 'bullmq';
import type { Redis } from 'ioredis';
import type { JobId } from '../contracts/ids.ts';
import { prefix } from './keys.ts';
import { defineScripts, queueScript } from './scripts.ts';

/** What a lane's BullMQ job carries; everything else is in the record. */
export interface LaneJobData {
  /** Version of this shape. */
  readonly v: 1;
}

export interface LaneEntry {
  readonly id: JobId;
  readonly lane: string;
  readonly createdAtMs: number;
}

/** Ended BullMQ jobs leave at once: our record is what is kept. */
const jobOptions = { removeOnComplete: true, removeOnFail: true, stackTraceLimit: 1 } as const;

/**
 * Puts jobs into their lanes with BullMQ's own script, for any number of lanes over one connection. Together with
 * `accept` it is one transaction: a job is recorded and in its lane, or neither.
 */
export class LaneEntrance {
  private readonly redis: Redis;
  private readonly queueKeys = new QueueKeys(prefix);
  private backend: RedisQueueBackend | null = null;

  constructor(redis: Redis) {
    this.redis = redis;
  }

  /**
   * Runs `accept` (left out when the record is there already) and enters the lane.
   * @returns accept's reply, null without it
   * @throws the first error of the transaction that keeps the job from being durable
   */
  async enter(
    entry: LaneEntry,
    nowMs: number,
    accept?: readonly (string | number)[],
  ): Promise<[string, number] | null> {
    defineScripts(this.redis);
    const backend = this.ready();
    const client = await backend.client;
    const transaction = client.multi();
    const scripts = transaction as unknown as Parameters<typeof queueScript>[0];
    if (accept) queueScript(scripts, 'accept', nowMs, ...accept);
    await backend.addJobToTransaction(
      transaction,
      laneJob(entry),
      entry.id,
      {},
      this.queueKeys.getKeys(entry.lane),
    );
    queueScript(scripts, 'entered', nowMs, entry.id, entry.lane);
    const replies = ((await transaction.exec().catch(throwCause)) ?? []) as [Error | null, unknown][];
    const first = replies[0];
    if (!first) throw new Error('Connection is closed: the transaction was not run');
    if (first[0]) throw first[0];
    return accept ? (first[1] as [string, number]) : null;
  }

  private ready(): RedisQueueBackend {
    if (this.backend) return this.backend;
    const options: QueueOptions = {
      connection: this.redis,
      prefix,
      skipVersionCheck: true,
      skipWaitingForReady: true,
    };
    this.backend = createRedisBackend('entrance', options) as RedisQueueBackend;
    // Trouble of the connection is told by the connection itself, once.
    this.backend.on('error', () => undefined);
    return this.backend;
  }
}

/** A transaction that Redis refused tells why in the errors before its own. */
function throwCause(error: Error & { previousErrors?: readonly Error[] }): never {
  throw error.previousErrors?.[0] ?? error;
}

function laneJob({ id, createdAtMs }: LaneEntry): JobJson {
  const data: LaneJobData = { v: 1 };
  return {
    id,
    name: 'job',
    data: JSON.stringify(data),
    opts: { ...jobOptions, timestamp: createdAtMs },
    timestamp: createdAtMs,
    progress: 0,
    attemptsMade: 0,
    attemptsStarted: 0,
    stalledCounter: 0,
    failedReason: 'null',
    returnvalue: 'null',
  };
}
