import type { NewJob } from '../contracts/job.ts';
import { isMadeOfFiles, refuseWithoutRoom } from './admission.ts';
import type { Api } from './dependencies.ts';
import { drainS } from './forecast.ts';
import type { ModelCall } from './model-call.ts';

/**
 * Hands a job to the queue; afterwards it is durable.
 * @throws queue_full with an honest Retry-After, queue_unavailable, storage_full
 */
export async function submit(api: Api, { spec }: ModelCall, job: NewJob): Promise<void> {
  if (isMadeOfFiles(spec)) refuseWithoutRoom(await api.boardView.current());
  await api.jobs.submit(job, {
    queueCap: spec.queueCap,
    /** Worked out for who is refused. */
    get retryAfterS() {
      return drainS(spec, api.boardView.last());
    },
  });
}
