import type { Redis } from 'ioredis';
import type { JobId, ModelId } from '../contracts/ids.ts';
import { expiredError } from './job-errors.ts';
import { keys } from './keys.ts';
import { runScript } from './scripts.ts';

/**
 * Ends a job that never started within its time to live; null: it did not apply.
 * @param isHeld by the caller, in its lane
 */
export async function expireJob(
  redis: Redis,
  id: JobId,
  nowMs: number,
  isHeld = false,
): Promise<{ readonly model: ModelId; readonly waitMs: number } | null> {
  const [model, createdAt, deadline] = await redis.hmget(
    keys.job(id),
    'model',
    'createdAtMs',
    'queueDeadlineMs',
  );
  const ttlMs = Number(deadline ?? 0) - Number(createdAt ?? 0);
  const expired = await runScript<number>(
    redis,
    'expire',
    nowMs,
    id,
    expiredError(id, ttlMs),
    isHeld ? '1' : '0',
  );
  if (expired !== 1 || !model) return null;
  return { model: model as ModelId, waitMs: nowMs - Number(createdAt) };
}
