import type { Redis } from 'ioredis';
import type { JobId } from '../contracts/ids.ts';
import { prefix } from './keys.ts';
import type { LaneWorker } from './lane-worker.ts';

/**
 * Puts back the active jobs of one lane that an earlier process of this name, or a lost answer, left behind: at once,
 * instead of when their locks time out. Only safe under the exclusive lease of the name.
 */
export async function reclaimLane(
  redis: Redis,
  lane: LaneWorker,
  workerName: string,
  open: { isOpen(jobId: string, token: string | null): boolean },
): Promise<JobId[]> {
  const base = `${prefix}:${lane.lane}:`;
  const reclaimed: JobId[] = [];
  for (const id of await redis.lrange(`${base}active`, 0, -1)) {
    const token = await redis.get(`${base}${id}:lock`);
    if (open.isOpen(id, token) || !(await isOurs(redis, base, id, token, workerName))) continue;
    try {
      await lane.putBack(id, token ?? '0');
      reclaimed.push(id as JobId);
    } catch {
      // its lock changed hands meanwhile: someone else runs it
    }
  }
  return reclaimed;
}

async function isOurs(
  redis: Redis,
  base: string,
  id: string,
  token: string | null,
  workerName: string,
): Promise<boolean> {
  if (token !== null) return token.startsWith(`${workerName}:`);
  return (await redis.hget(base + id, 'pb')) === workerName;
}
