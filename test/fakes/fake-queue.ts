import { EventEmitter, once } from 'node:events';
import type { JobInbox, JobQuery, JobStore } from '../../src/api/ports.ts';
import { errors } from '../../src/contracts/error-catalogue.ts';
import type { InboxId, JobId, ModelId } from '../../src/contracts/ids.ts';
import { isTerminal, type JobMessage, type JobRecord, type NewJob } from '../../src/contracts/job.ts';
import { FakeJob } from './fake-job.ts';

/** A queue in memory, and the worker's side of it: tests play the worker. */
export class FakeQueue implements JobStore, JobInbox {
  readonly id = 'in_test' as InboxId;
  readonly jobs = new Map<JobId, FakeJob>();
  /** Redis is away. */
  isDown = false;
  private readonly now: () => number;
  private readonly untaken: FakeJob[] = [];
  private readonly takers: ((job: FakeJob) => void)[] = [];
  private readonly listeners = new EventEmitter().setMaxListeners(0);

  constructor(now: () => number) {
    this.now = now;
  }

  /** The next job that comes in, in order. */
  next(): Promise<FakeJob> {
    const job = this.untaken.shift();
    return job ? Promise.resolve(job) : new Promise((resolve) => this.takers.push(resolve));
  }

  async submit(job: NewJob, admission: { queueCap: number; retryAfterS: number }): Promise<void> {
    this.reach();
    const waiting = [...this.jobs.values()].filter(
      ({ record }) => record.model === job.model && record.status === 'queued',
    );
    if (waiting.length >= admission.queueCap) {
      throw errors.queueFull(job.model, admission.queueCap, admission.retryAfterS);
    }
    const fake = new FakeJob(job, this.now, (message) => this.deliver(message));
    this.jobs.set(job.id, fake);
    this.listeners.emit('accepted');
    const taker = this.takers.shift();
    if (taker) taker(fake);
    else this.untaken.push(fake);
  }

  async find(id: JobId): Promise<JobRecord | 'expired' | null> {
    this.reach();
    this.listeners.emit(`read ${id}`);
    const job = this.jobs.get(id);
    return job === undefined ? null : job.isGone ? 'expired' : job.record;
  }

  async list(query: JobQuery): Promise<{ jobs: readonly JobRecord[]; hasMore: boolean }> {
    this.reach();
    const isAsked = (record: JobRecord): boolean =>
      record.keyId === query.keyId &&
      (query.status === undefined || record.status === query.status) &&
      (query.model === undefined || record.model === query.model) &&
      (query.createdAfterMs === undefined || record.createdAtMs > query.createdAfterMs) &&
      (query.createdBeforeMs === undefined || record.createdAtMs < query.createdBeforeMs);
    const all = [...this.jobs.values()].filter(({ isGone }) => !isGone).map(({ record }) => record);
    all.sort((a, b) => (a.id < b.id ? -1 : 1));
    if (query.order === 'desc') all.reverse();
    const from = query.after === undefined ? 0 : all.findIndex(({ id }) => id === query.after) + 1;
    const rest = all.slice(from).filter(isAsked);
    return { jobs: rest.slice(0, query.limit), hasMore: rest.length > query.limit };
  }

  async cancel(id: JobId, _reason: string): Promise<JobRecord | null> {
    this.reach();
    const job = this.jobs.get(id);
    if (job === undefined || job.isGone) return null;
    job.cancel();
    return job.record;
  }

  async position(id: JobId): Promise<{ position: number } | null> {
    this.reach();
    const job = this.jobs.get(id);
    if (job?.record.status !== 'queued') return null;
    const { model, class: jobClass } = job.record;
    const lane = [...this.jobs.values()].filter(
      ({ record }) => record.status === 'queued' && record.model === model && record.class === jobClass,
    );
    return { position: lane.indexOf(job) + 1 };
  }

  async depths() {
    this.reach();
    const depths = new Map<
      ModelId,
      { queued: number; inProgress: number; oldestQueuedAtMs: number | null }
    >();
    for (const { record } of this.jobs.values()) {
      if (isTerminal(record.status)) continue;
      const depth = depths.get(record.model) ?? { queued: 0, inProgress: 0, oldestQueuedAtMs: null };
      depths.set(record.model, depth);
      if (record.status === 'queued') {
        depth.queued++;
        depth.oldestQueuedAtMs = Math.min(depth.oldestQueuedAtMs ?? record.createdAtMs, record.createdAtMs);
      } else {
        depth.inProgress++;
      }
    }
    return depths;
  }

  subscribe(jobId: JobId, listener: (message: JobMessage) => void): () => void {
    this.listeners.on(jobId, listener);
    return () => this.listeners.off(jobId, listener);
  }

  /** Resolves when a job has been accepted; leaves it to `next`. */
  async accepted(): Promise<void> {
    if (this.jobs.size === 0) await once(this.listeners, 'accepted');
  }

  /** Resolves when the API next reads the record of a job. */
  async reads(id: JobId): Promise<void> {
    await once(this.listeners, `read ${id}`);
  }

  /** How many listen to a job. */
  listenersOf(jobId: JobId): number {
    return this.listeners.listenerCount(jobId);
  }

  deliver(message: JobMessage): void {
    this.listeners.emit(message.jobId, message);
  }

  /** @throws queue_unavailable while Redis is away */
  reach(): void {
    if (this.isDown) throw errors.queueUnavailable('connection refused');
  }
}
