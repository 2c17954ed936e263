import type { Redis } from 'ioredis';
import type { Emit } from '../contracts/events.ts';
import type { JobId } from '../contracts/ids.ts';
import { expireJob } from './expire.ts';
import { keys } from './keys.ts';
import { runScript } from './scripts.ts';

const pageSize = 500;
/** How long an id is known as "expired" after its record is gone. */
const tombstoneMs = 7 * 24 * 3600 * 1000;

/** Regular cleaning of the queue: each call is safe to repeat and to run in several processes. Role `worker`. */
export class RedisRetentionStore {
  private readonly redis: Redis;
  private readonly emit: Emit;

  constructor({ redis, emit }: { redis: Redis; emit: Emit }) {
    this.redis = redis;
    this.emit = emit;
  }

  /** queued jobs whose time to live is over -> expired. Returns how many. */
  async expireQueued(nowMs: number): Promise<number> {
    let expired = 0;
    for (;;) {
      const ids = await this.redis.zrangebyscore(keys.deadlines, '-inf', `(${nowMs}`, 'LIMIT', 0, pageSize);
      for (const id of ids as JobId[]) {
        const ended = await expireJob(this.redis, id, nowMs);
        if (ended === null) continue;
        expired++;
        this.emit({ type: 'job.expired', jobId: id, ...ended });
      }
      if (ids.length < pageSize) return expired;
    }
  }

  /** Ended jobs past their retention: record and index entry go. Returns the ids whose files may go. */
  async pruneEnded(nowMs: number): Promise<readonly JobId[]> {
    const pruned: JobId[] = [];
    for (;;) {
      const ids = await runScript<JobId[]>(this.redis, 'prune', nowMs, nowMs + tombstoneMs, pageSize);
      pruned.push(...ids);
      if (ids.length < pageSize) return pruned;
    }
  }

  /** Notes that the files of an ended job are removed before their time. false: it has not ended, or is unknown. */
  async removeData(id: JobId, nowMs: number): Promise<boolean> {
    return (await runScript<number>(this.redis, 'removeData', nowMs, id)) === 1;
  }
}
