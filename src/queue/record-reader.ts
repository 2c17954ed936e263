import type { Redis } from 'ioredis';
import type { JobId } from '../contracts/ids.ts';
import type { JobRecord } from '../contracts/job.ts';
import { keys } from './keys.ts';
import { decodeView, viewFields } from './record-codec.ts';

/** The record without its body; `null`: never existed; `'expired'`: past its retention. */
export async function findRecord(
  redis: Redis,
  id: JobId,
  nowMs: number,
): Promise<JobRecord | 'expired' | null> {
  const record = decodeView(await redis.hmget(keys.job(id), ...viewFields));
  if (record !== null) return isPastRetention(record, nowMs) ? 'expired' : record;
  return (await redis.zscore(keys.gone, id)) === null ? null : 'expired';
}

/** Records in the order of `ids`; null where there is none any more. */
export async function readRecords(
  redis: Redis,
  ids: readonly JobId[],
  nowMs: number,
): Promise<(JobRecord | null)[]> {
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hmget(keys.job(id), ...viewFields);
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, values]) => {
    if (error) throw error;
    const record = decodeView(values as (string | null)[]);
    return record !== null && isPastRetention(record, nowMs) ? null : record;
  });
}

function isPastRetention({ completedAtMs, resultTtlMs }: JobRecord, nowMs: number): boolean {
  return completedAtMs !== null && completedAtMs + resultTtlMs <= nowMs;
}
