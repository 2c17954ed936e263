import type { JobId } from '../contracts/ids.ts';
import type { JobRecord } from '../contracts/job.ts';

/** Webhooks that a settled job owes. Each delivery is a job of its own, retried with backoff, kept over restarts. */
export interface WebhookQueue {
  /** Runs `deliver` for each due delivery; it returns when delivered and throws to be tried again later. */
  start(deliver: (delivery: WebhookDelivery) => Promise<void>): Promise<void>;
  stop(deadline: AbortSignal): Promise<void>;
}

export interface WebhookDelivery {
  /** The same over all tries: the receiver's idempotency key. */
  readonly eventId: string;
  readonly jobId: JobId;
  /** Counts from 1. */
  readonly attempt: number;
  readonly lastAttempt: boolean;
  /** The job as it ended; null when its record is gone. */
  readonly record: JobRecord | null;
  /** Kept in the job's record: how the delivery stands. */
  report(outcome: {
    readonly status: 'pending' | 'delivered' | 'failed';
    readonly error: string | null;
  }): Promise<void>;
}

/** Regular cleaning of the queue: each call is safe to repeat and to run in several processes. */
export interface RetentionStore {
  /** queued jobs whose time to live is over -> expired. Returns how many. */
  expireQueued(nowMs: number): Promise<number>;
  /** Ended jobs past their retention: index entries, BullMQ's own remains. Returns the ids whose files may go. */
  pruneEnded(nowMs: number): Promise<readonly JobId[]>;
}

/** Files of ended jobs that are removed before their time. */
export interface DataRemoval {
  /** Notes it in the job's record. false: it has not ended, or is unknown. */
  removeData(jobId: JobId, nowMs: number): Promise<boolean>;
}

/** Files on this disk. */
export interface ArtifactCleaner {
  remove(jobId: JobId): Promise<void>;
  /** Leftovers of crashed writes, and files whose job is long gone. Returns how many. */
  sweep(isKept: (jobId: JobId) => Promise<boolean>): Promise<number>;
  /** Files of the oldest jobs go until the rest fits; `mayGo` may refuse. Returns what went. */
  fit(
    mostBytes: number,
    mayGo: (jobId: JobId) => Promise<boolean>,
  ): Promise<readonly { readonly bytes: number }[]>;
}

/** What is known of a job: `unknown` may be one that is about to be accepted. */
export type JobKnowledge = 'live' | 'ended' | 'unknown';

/** Files that clients sent, on this disk. */
export interface UploadCleaner {
  /** Those of jobs that have ended or never came to be go. Returns how many files. */
  sweepUploads(stateOf: (jobId: JobId) => Promise<JobKnowledge>): Promise<number>;
}
