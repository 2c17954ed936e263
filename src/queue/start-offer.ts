import type { NewJob } from '../contracts/job.ts';

/**
 * A free slot on a ready server of this process, held for a job on its way into the queue: where nothing waits for its
 * model, accepting and starting it are one step. `started` or `declined` is called, once.
 */
export interface StartOffer {
  /** Proof of ownership, as a claim has it. */
  readonly token: string;
  readonly workerName: string;
  readonly lockDurationMs: number;
  /** Accepting is under way: its model server may begin, for nothing if need be. Too late, it does nothing. */
  begin(): void;
  /** It was started under the token at this moment, epoch ms. */
  started(job: NewJob, startedAtMs: number): void;
  /** It was not, or that is not known: the slot is free again, once the model server has let go of what it began. */
  declined(): void;
}

/** null: the job has to wait, or its worker is elsewhere. */
export type OfferStart = (job: NewJob) => StartOffer | null;
