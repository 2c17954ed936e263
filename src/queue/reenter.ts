import type { Redis } from 'ioredis';
import type { JobId } from '../contracts/ids.ts';
import { keys } from './keys.ts';
import type { LaneEntrance } from './lane-entry.ts';

/**
 * Puts accepted jobs that a crash kept out of their lane into it. Repeating it, or racing with the one who accepted
 * the job, is harmless: BullMQ ignores an id it has, and a job that has ended is not started again.
 */
export async function reenterStranded(
  redis: Redis,
  entrance: LaneEntrance,
  nowMs: number,
  graceMs: number,
): Promise<number> {
  const ids = (await redis.zrangebyscore(keys.entering, '-inf', nowMs - graceMs)) as JobId[];
  for (const id of ids) {
    const [status, lane, createdAt] = await redis.hmget(keys.job(id), 'status', 'lane', 'createdAtMs');
    if (status === 'queued' && lane) {
      await entrance.enter({ id, lane, createdAtMs: Number(createdAt) }, nowMs);
    } else {
      await redis.zrem(keys.entering, id);
    }
  }
  return ids.length;
}
