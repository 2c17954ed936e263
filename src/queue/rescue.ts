import type { Redis } from 'ioredis';
import type { JobId, ModelId } from '../contracts/ids.ts';
import { workerLostError } from './job-errors.ts';
import { runScript } from './scripts.ts';

/**
 * Brings the record in line after BullMQ put a job back whose worker was lost: `queued` again while attempts are left,
 * else `failed` with worker_lost. Returns the model when it will run again.
 */
export function rescueJob(redis: Redis, lane: string, id: JobId, nowMs: number): Promise<ModelId | null> {
  return runScript<ModelId | null>(redis, 'rescue', nowMs, lane, id, workerLostError);
}
