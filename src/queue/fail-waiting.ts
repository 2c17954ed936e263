import type { Redis } from 'ioredis';
import type { ErrorBody } from '../contracts/errors.ts';
import type { JobId, KeyId, ModelId } from '../contracts/ids.ts';
import { jobClasses } from '../contracts/job.ts';
import type { Clock } from '../platform/clock.ts';
import { keys, laneName, prefix } from './keys.ts';
import { runScript } from './scripts.ts';

const pageSize = 500;

/** Fails the waiting jobs of a model, in pages, each list from its oldest on: the sync ones, or all. Returns their ids. */
export async function failWaitingJobs(
  redis: Redis,
  model: ModelId,
  error: ErrorBody,
  which: 'sync' | 'all',
  clock: Pick<Clock, 'now'>,
): Promise<JobId[]> {
  const flag = which === 'sync' ? '1' : '0';
  const fail = (ids: readonly string[]) =>
    runScript<JobId[]>(redis, 'failWaiting', clock.now(), JSON.stringify(error), flag, ...ids);
  const failed: JobId[] = [];
  for (const list of await waitingLists(redis, model)) failed.push(...(await failListed(redis, list, fail)));
  return failed;
}

/** Backlogs come before their lanes: what is failed in one of those would only make room for them. */
async function waitingLists(redis: Redis, model: ModelId): Promise<string[]> {
  const lists: string[] = [];
  for (const jobClass of jobClasses) {
    const lane = laneName(model, jobClass);
    const keyIds = (await redis.smembers(keys.backlogs(lane))) as KeyId[];
    lists.push(...keyIds.map((keyId) => keys.backlog(lane, keyId)), `${prefix}:${lane}:wait`);
  }
  return lists;
}

async function failListed(
  redis: Redis,
  list: string,
  fail: (ids: readonly string[]) => Promise<JobId[]>,
): Promise<JobId[]> {
  const failed: JobId[] = [];
  let kept = 0;
  for (;;) {
    const ids = await redis.lrange(list, -(kept + pageSize), -(kept + 1));
    if (ids.length === 0) return failed;
    // From the end of the list backwards: each removal then finds its job at once.
    const gone = await fail(ids.reverse());
    failed.push(...gone);
    kept += ids.length - gone.length;
  }
}
