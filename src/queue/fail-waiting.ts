import type { Redis } from 'ioredis';
import type { ErrorBody } from '../contracts/errors.ts';
import type { JobId, ModelId } from '../contracts/ids.ts';
import { jobClasses } from '../contracts/job.ts';
import type { Clock } from '../platform/clock.ts';
import { laneName, prefix } from './keys.ts';
import { runScript } from './scripts.ts';

const pageSize = 500;

/** Fails the waiting jobs of a model, oldest first, in pages: the sync ones, or all. Returns their ids. */
export async function failWaitingJobs(
  redis: Redis,
  model: ModelId,
  error: ErrorBody,
  which: 'sync' | 'all',
  clock: Pick<Clock, 'now'>,
): Promise<JobId[]> {
  const failed: JobId[] = [];
  for (const jobClass of jobClasses) {
    const wait = `${prefix}:${laneName(model, jobClass)}:wait`;
    let kept = 0;
    for (;;) {
      const ids = await redis.lrange(wait, -(kept + pageSize), -(kept + 1));
      if (ids.length === 0) break;
      const flag = which === 'sync' ? '1' : '0';
      const body = JSON.stringify(error);
      // From the end of the list backwards: each removal then finds its job at once.
      const gone = await runScript<JobId[]>(redis, 'failWaiting', clock.now(), body, flag, ...ids.reverse());
      failed.push(...gone);
      kept += ids.length - gone.length;
    }
  }
  return failed;
}
