import type { Redis } from 'ioredis';
import type { JobId } from '../contracts/ids.ts';
import type { JobRecord } from '../contracts/job.ts';
import { expireJob } from './expire.ts';
import { workerLostError } from './job-errors.ts';
import { decodeFlat } from './record-codec.ts';
import { runScript } from './scripts.ts';

/**
 * Counts the attempt and marks the record `in_progress`; repeating it with the same token changes nothing.
 * `'over'`: the job has ended, was cancelled, expired or has no attempt left, and leaves its lane.
 */
export async function startAttempt(
  redis: Redis,
  jobId: JobId,
  token: string,
  workerName: string,
  nowMs: number,
): Promise<{ record: JobRecord; body: string } | 'over'> {
  const [verdict, flat] = await runScript<[string, string[]?]>(
    redis,
    'start',
    nowMs,
    jobId,
    token,
    workerName,
    workerLostError,
  );
  if (verdict === 'late') await expireJob(redis, jobId, nowMs);
  return verdict === 'run' ? (decodeFlat(flat ?? []) ?? 'over') : 'over';
}
