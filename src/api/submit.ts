import type { NewJob } from '../contracts/job.ts';
import type { Api } from './dependencies.ts';
import { drainS } from './forecast.ts';
import type { ModelCall } from './model-call.ts';

/**
 * Hands a job to the queue; afterwards it is durable.
 * @throws queue_full with an honest Retry-After, queue_unavailable, storage_full
 */
export async function submit(api: Api, { spec }: ModelCall, job: NewJob): Promise<void> {
  const retryAfterS = drainS(spec, api.boardView.last());
  await api.jobs.submit(job, { queueCap: spec.queueCap, retryAfterS });
}
