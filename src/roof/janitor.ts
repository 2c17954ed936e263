import { Janitor } from '../background/janitor.ts';
import { RedisJobStore } from '../queue/job-store.ts';
import { RedisRetentionStore } from '../queue/retention.ts';
import type { WorkerConnection } from './ground-floor.ts';
import type { House } from './house.ts';

/** Of a split house the API's janitor cleans the queue, and each worker's the files on its own disk. */
export function buildJanitor(house: House, redis: WorkerConnection): Janitor {
  const { settings, artifacts, clock, emit } = house;
  const jobs = new RedisJobStore({ redis, clock, emit });
  return new Janitor({
    store: settings.role === 'worker' ? null : new RedisRetentionStore({ redis, emit }),
    artifacts: settings.role === 'api' ? null : artifacts,
    isKept: async (jobId) => {
      const found = await jobs.find(jobId);
      return found !== null && found !== 'expired';
    },
    clock,
    emit,
  });
}
