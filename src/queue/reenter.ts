import type { Redis } from 'ioredis';
import type { JobId } from '../contracts/ids.ts';
import { keys } from './keys.ts';
import { runScript } from './scripts.ts';

/**
 * Puts accepted jobs that a crash kept out of their lane into it. Repeating it is harmless: a lane ignores an id it
 * has, and a job that has ended is not started again.
 */
export async function reenterStranded(redis: Redis, nowMs: number, graceMs: number): Promise<number> {
  const ids = (await redis.zrangebyscore(keys.entering, '-inf', nowMs - graceMs)) as JobId[];
  for (const id of ids) await runScript(redis, 'enter', nowMs, id);
  return ids.length;
}
