import type { Redis } from 'ioredis';
import { encodeTime } from 'ulid';
import type { JobId, KeyId, ModelId } from '../contracts/ids.ts';
import type { JobRecord, JobStatus } from '../contracts/job.ts';
import { keys } from './keys.ts';
import { readRecords } from './record-reader.ts';

export interface JobListQuery {
  readonly keyId: KeyId;
  readonly status?: JobStatus;
  readonly model?: ModelId;
  readonly createdAfterMs?: number;
  readonly createdBeforeMs?: number;
  readonly after?: JobId;
  readonly limit: number;
  readonly order: 'asc' | 'desc';
}

export interface JobList {
  readonly jobs: readonly JobRecord[];
  readonly hasMore: boolean;
}

const pageSize = 200;
/** Ids carry the clock of the process that made them, records the time of acceptance: a little apart. */
const idSlackMs = 60_000;

/** One API key's jobs by time of creation, filtered; a cursor whose job is gone still works. */
export async function listJobs(redis: Redis, query: JobListQuery, nowMs: number): Promise<JobList> {
  const jobs: JobRecord[] = [];
  let cursor: JobId | null = query.after ?? null;
  while (jobs.length <= query.limit) {
    const ids: JobId[] = await readPage(redis, query, cursor);
    const records = await readRecords(redis, ids, nowMs);
    await forget(
      redis,
      query.keyId,
      ids.filter((_, at) => records[at] === null),
    );
    jobs.push(
      ...records.filter((record) => record !== null && matches(record, query)).map((r) => r as JobRecord),
    );
    if (ids.length < pageSize) break;
    cursor = ids.at(-1) ?? null;
  }
  return { jobs: jobs.slice(0, query.limit), hasMore: jobs.length > query.limit };
}

/** The next ids after the cursor, straight from the index: names sort by time. */
async function readPage(redis: Redis, query: JobListQuery, cursor: JobId | null): Promise<JobId[]> {
  const low = query.createdAfterMs === undefined ? '-' : `[${idAt(query.createdAfterMs - idSlackMs)}`;
  const high = query.createdBeforeMs === undefined ? '+' : `[${idAt(query.createdBeforeMs + idSlackMs)}`;
  const key = keys.index(query.keyId);
  const ids =
    query.order === 'asc'
      ? await redis.zrange(key, cursor ? `(${cursor}` : low, high, 'BYLEX', 'LIMIT', 0, pageSize)
      : await redis.zrange(key, cursor ? `(${cursor}` : high, low, 'BYLEX', 'REV', 'LIMIT', 0, pageSize);
  return ids as JobId[];
}

/** Index entries whose record has ended its retention. */
async function forget(redis: Redis, keyId: KeyId, ids: readonly JobId[]): Promise<void> {
  if (ids.length > 0) await redis.zrem(keys.index(keyId), ...ids);
}

const idAt = (timeMs: number): string => `job_${encodeTime(Math.max(0, timeMs), 10)}`;

function matches(record: JobRecord, query: JobListQuery): boolean {
  const { status, model, createdAfterMs = 0, createdBeforeMs = Number.POSITIVE_INFINITY } = query;
  return (
    (status === undefined || record.status === status) &&
    (model === undefined || record.model === model) &&
    record.createdAtMs >= createdAfterMs &&
    record.createdAtMs <= createdBeforeMs
  );
}
