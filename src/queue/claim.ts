import { errors } from '../contracts/error-catalogue.ts';
import { RoundhouseError } from '../contracts/errors.ts';
import type { JobRecord, JobStatus, Outcome } from '../contracts/job.ts';
import type { Uploads } from '../contracts/upload.ts';
import type { JobInput } from './record-codec.ts';

/** What a claim needs of the lanes to end. */
export interface ClaimDesk {
  /** Stores the outcome; does not return before it is stored or another attempt owns the job. */
  settle(claim: Claim, outcome: Outcome): Promise<JobStatus>;
}

/** One attempt of one job, held under a BullMQ lock until it is settled. */
export class Claim {
  readonly record: JobRecord;
  readonly body: string;
  readonly uploads: Uploads | null;
  readonly attempt: number;
  readonly lane: string;
  /** Proof of ownership: BullMQ's lock and the record both carry it. */
  readonly token: string;
  readonly ended: Promise<void>;
  private readonly desk: ClaimDesk;
  private readonly abort = new AbortController();
  private readonly end: () => void;
  private settling: Promise<JobStatus> | null = null;

  constructor(desk: ClaimDesk, facts: JobInput & { readonly lane: string; readonly token: string }) {
    this.desk = desk;
    this.record = facts.record;
    this.body = facts.body;
    this.uploads = facts.uploads;
    this.attempt = facts.record.attempts;
    this.lane = facts.lane;
    this.token = facts.token;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.end = resolve;
  }

  /** Aborts when the job is cancelled (`reason.code === 'job_cancelled'`) or its lock is lost (`worker_lost`). */
  get signal(): AbortSignal {
    return this.abort.signal;
  }

  /** Records the outcome exactly once and returns the status it led to; a later attempt's outcome wins nothing. */
  settle(outcome: Outcome): Promise<JobStatus> {
    this.settling ??= this.desk.settle(this, outcome).then((status) => {
      this.end();
      return status;
    });
    return this.settling;
  }

  cancel(): void {
    this.abort.abort(errors.cancelled(this.record.id));
  }

  abandon(): void {
    this.abort.abort(new Error('its client is gone'));
  }

  loseLock(): void {
    this.abort.abort(lockLost(this.record.id));
  }
}

const lockLost = (jobId: string): RoundhouseError =>
  new RoundhouseError({
    status: 503,
    type: 'server_error',
    code: 'worker_lost',
    message: `The lock of job "${jobId}" was lost; another attempt may run it now.`,
    jobId,
    retryable: true,
  });
