import { recordOf } from '../../src/api/new-job.ts';
import { errors } from '../../src/contracts/error-catalogue.ts';
import type { ErrorBody } from '../../src/contracts/errors.ts';
import type { JobId } from '../../src/contracts/ids.ts';
import {
  isTerminal,
  type JobMessage,
  type JobPhase,
  type JobRecord,
  type JobResult,
  type JobStatus,
  maxAttempts,
  mayBecome,
  type NewJob,
  type Outcome,
} from '../../src/contracts/job.ts';

/** A job of the fake queue, with what a worker does to it. */
export class FakeJob {
  readonly submitted: NewJob;
  record: JobRecord;
  /** Past its retention. */
  isGone = false;
  private nextSeq = 0;
  private readonly now: () => number;
  private readonly tell: (message: JobMessage) => void;
  private readonly watchers: { status: JobStatus; resolve: () => void }[] = [];

  constructor(job: NewJob, now: () => number, tell: (message: JobMessage) => void) {
    this.submitted = job;
    this.record = recordOf(job);
    this.now = now;
    this.tell = tell;
  }

  get id(): JobId {
    return this.record.id;
  }

  /** What the model server would get. */
  get body(): Record<string, unknown> {
    return JSON.parse(this.submitted.body) as Record<string, unknown>;
  }

  start(): this {
    this.become('in_progress', {
      attempts: this.record.attempts + 1,
      startedAtMs: this.now(),
      worker: 'test',
    });
    this.nextSeq = 0;
    this.tell({ type: 'started', jobId: this.id, attempt: this.record.attempts });
    return this;
  }

  chunk(...data: string[]): this {
    this.tell({ type: 'chunk', jobId: this.id, attempt: this.record.attempts, seq: this.nextSeq, data });
    this.nextSeq += data.length;
    return this;
  }

  progress(progress: number | null, phase: JobPhase): this {
    this.record = { ...this.record, progress, phase };
    this.tell({ type: 'progress', jobId: this.id, progress, phase });
    return this;
  }

  complete(result: Partial<JobResult>): void {
    this.settle('completed', { output: null, files: [], usage: null, ...result });
  }

  fail(error: ErrorBody): void {
    this.settle('failed', { error });
  }

  /** The attempt failed for no fault of the job. */
  requeue(error: ErrorBody): void {
    if (this.record.attempts >= maxAttempts) {
      this.fail(error);
    } else {
      this.become('queued', { startedAtMs: null });
      this.tell({ type: 'requeued', jobId: this.id, attempt: this.record.attempts, error });
    }
  }

  /** Back into the queue without using up the attempt: the worker is stopping. */
  snooze(): this {
    this.become('queued', { startedAtMs: null, attempts: this.record.attempts - 1 });
    return this;
  }

  expire(): void {
    this.settle('expired', {});
  }

  cancel(): void {
    if (this.record.status === 'queued') this.endCancelled();
    else if (this.record.status === 'in_progress') this.become('cancelling', {});
  }

  /** The worker has ended a running job that was cancelled. */
  endCancelled(): void {
    this.settle('cancelled', { error: errors.cancelled(this.id).toBody() });
  }

  /** What its worker says that the attempt came to. */
  settleAs(outcome: Outcome): void {
    switch (outcome.kind) {
      case 'completed':
        this.complete(outcome.result);
        break;
      case 'failed':
        this.fail(outcome.error);
        break;
      case 'retry':
        this.requeue(outcome.error);
        break;
      case 'snooze':
        this.snooze();
        break;
      case 'cancelled':
        this.endCancelled();
        break;
      default:
        outcome satisfies never;
    }
  }

  /** Changes the record without telling the inbox: the message was lost. */
  settleSilently(status: JobStatus, facts: Partial<JobRecord>): void {
    this.become(status, { completedAtMs: this.now(), ...facts });
  }

  /** Resolves when the job has this status. */
  until(status: JobStatus): Promise<void> {
    if (this.record.status === status) return Promise.resolve();
    return new Promise((resolve) => this.watchers.push({ status, resolve }));
  }

  private settle(status: JobStatus, facts: Partial<JobRecord>): void {
    this.settleSilently(status, facts);
    this.tell({ type: 'settled', jobId: this.id, status });
  }

  private become(status: JobStatus, facts: Partial<JobRecord>): void {
    if (isTerminal(this.record.status) || !mayBecome(this.record.status, status)) {
      throw new Error(`a job that is ${this.record.status} cannot become ${status}`);
    }
    this.record = { ...this.record, ...facts, status };
    for (const { resolve } of this.watchers.filter((watcher) => watcher.status === status)) resolve();
  }
}
