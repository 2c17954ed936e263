import { Janitor } from '../background/janitor.ts';
import type { JobKnowledge } from '../background/ports.ts';
import type { JobId } from '../contracts/ids.ts';
import { isTerminal } from '../contracts/job.ts';
import { RedisJobStore } from '../queue/job-store.ts';
import { RedisRetentionStore } from '../queue/retention.ts';
import type { WorkerConnection } from './ground-floor.ts';
import type { House } from './house.ts';

/** Of a split house the API's janitor cleans the queue and what clients sent, and each worker's the results on its disk. */
export function buildJanitor(house: House, redis: WorkerConnection): Janitor {
  const { settings, artifacts, uploads, clock, emit } = house;
  const jobs = new RedisJobStore({ redis, clock, emit });
  const retention = new RedisRetentionStore({ redis, emit });
  const stateOf = async (jobId: JobId): Promise<JobKnowledge> => {
    const found = await jobs.find(jobId);
    if (found === null || found === 'expired') return 'unknown';
    return isTerminal(found.status) ? 'ended' : 'live';
  };
  return new Janitor({
    store: settings.role === 'worker' ? null : retention,
    artifacts: settings.role === 'api' ? null : artifacts,
    artifactsMaxBytes: settings.artifactsMaxBytes,
    dataRemoval: retention,
    uploads: settings.role === 'worker' ? null : uploads,
    stateOf,
    clock,
    emit,
  });
}
