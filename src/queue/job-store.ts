import type { Redis } from 'ioredis';
import { admissionDefaults } from '../config/defaults.ts';
import type { AdmissionWindow } from '../contracts/admission-window.ts';
import { errors } from '../contracts/error-catalogue.ts';
import type { Emit } from '../contracts/events.ts';
import type { JobId, ModelId } from '../contracts/ids.ts';
import { type JobRecord, jobClasses, type NewJob } from '../contracts/job.ts';
import type { Clock } from '../platform/clock.ts';
import { type LaneDepth, readDepths } from './depths.ts';
import { cancelError } from './job-errors.ts';
import { type JobList, type JobListQuery, listJobs } from './job-list.ts';
import { laneName } from './keys.ts';
import { asQueueErrors, queueError } from './queue-errors.ts';
import { encodeNewJob } from './record-codec.ts';
import { findRecord } from './record-reader.ts';
import { ScriptBatch, type Told } from './script-batch.ts';
import { runScript } from './scripts.ts';
import type { OfferStart, StartOffer } from './start-offer.ts';

export interface JobStoreOptions {
  readonly redis: Redis;
  readonly clock: Pick<Clock, 'now'>;
  readonly emit: Emit;
  /** A worker of this process hears of accepted jobs by their event. */
  readonly hasWorker?: boolean;
  /** How many jobs of one key may wait in a lane of this model. */
  readonly windowOf?: (model: ModelId) => AdmissionWindow;
  /** Asked for each job: a slot to start it on at once. Must not throw. */
  readonly offerStart?: OfferStart;
}

/** What came of a job that was sent, and how many wait. */
type AcceptReply = readonly ['accepted' | 'started' | 'full', number];

/** Jobs as the API sees them. Needs a connection of role `command`: every call fails within a second without Redis. */
export class RedisJobStore {
  private readonly redis: Redis;
  private readonly clock: Pick<Clock, 'now'>;
  private readonly emit: Emit;
  private readonly hasWorker: boolean;
  private readonly windowOf: (model: ModelId) => AdmissionWindow;
  private readonly offerStart: OfferStart;
  private readonly acceptances: ScriptBatch<AcceptReply>;
  /** Refused with an error, but perhaps stored all the same: an answer was lost. */
  private readonly uncertain = new Set<JobId>();

  constructor(options: JobStoreOptions) {
    const { redis, clock, emit, hasWorker = false } = options;
    const { windowOf = () => admissionDefaults, offerStart = () => null } = options;
    this.redis = redis;
    this.clock = clock;
    this.emit = emit;
    this.hasWorker = hasWorker;
    this.windowOf = windowOf;
    this.offerStart = offerStart;
    this.acceptances = new ScriptBatch(redis, 'accept', clock);
    redis.on('ready', () => {
      for (const id of this.uncertain) void this.withdraw(id);
    });
  }

  /**
   * Makes the job durable, and starts it or puts it into its lane or into its key's backlog before it, in one step.
   * @throws queue_full (429), queue_unavailable (503), storage_full (507)
   */
  async submit(
    job: NewJob,
    admission: { readonly queueCap: number; readonly retryAfterS: number },
  ): Promise<void> {
    const offer = this.offerStart(job);
    const { reply, nowMs } = await this.accept(job, admission.queueCap, offer);
    const [verdict] = reply;
    const { id: jobId, model, class: jobClass } = job;
    if (verdict !== 'started') offer?.declined();
    if (verdict === 'full') throw errors.queueFull(model, admission.queueCap, admission.retryAfterS);
    const isStarted = verdict === 'started';
    this.emit({ type: 'job.accepted', jobId, model, class: jobClass, ...(isStarted && { isStarted }) });
    if (isStarted) offer?.started(job, nowMs);
  }

  private async accept(job: NewJob, queueCap: number, offer: StartOffer | null): Promise<Told<AcceptReply>> {
    try {
      const accepting = this.acceptances.run(this.factsOf(job, queueCap, offer), job.body);
      // Behind what is written to Redis in this turn: that takes longer.
      if (offer !== null) setImmediate(() => offer.begin());
      return await accepting;
    } catch (error) {
      offer?.declined();
      void this.withdraw(job.id);
      throw queueError(error);
    }
  }

  find(id: JobId): Promise<JobRecord | 'expired' | null> {
    return asQueueErrors(() => findRecord(this.redis, id, this.clock.now()));
  }

  list(query: JobListQuery): Promise<JobList> {
    return asQueueErrors(() => listJobs(this.redis, query, this.clock.now()));
  }

  /** queued -> cancelled, in_progress -> cancelling (the worker is told), terminal -> unchanged; the record after it. */
  cancel(id: JobId, reason: string): Promise<JobRecord | null> {
    return asQueueErrors(async () => {
      await this.cancelNow(id, reason);
      const record = await findRecord(this.redis, id, this.clock.now());
      return record === 'expired' ? null : record;
    });
  }

  /** 1 is the next of its lane to start, backlogs included; null when it no longer waits. */
  position(id: JobId): Promise<{ readonly position: number } | null> {
    return asQueueErrors(async () => {
      const position = await runScript<number | null>(this.redis, 'position', this.clock.now(), id);
      return position === null ? null : { position };
    });
  }

  /** Waiting and running jobs per model. */
  depths(): Promise<ReadonlyMap<ModelId, LaneDepth>> {
    return asQueueErrors(() => readDepths(this.redis, this.clock.now()));
  }

  /** As the accept script reads them. */
  private factsOf(job: NewJob, queueCap: number, offer: StartOffer | null): string {
    const { alone, shared, activeForMs } = this.windowOf(job.model);
    return JSON.stringify([
      ...[job.id, laneName(job.model, job.class), String(queueCap), this.hasWorker ? '1' : '0'],
      ...jobClasses.map((jobClass) => laneName(job.model, jobClass)),
      ...[job.keyId, String(alone), String(shared), String(activeForMs)],
      ...(offer === null ? ['', '', ''] : [offer.token, offer.workerName, String(offer.lockDurationMs)]),
      ...encodeNewJob(job),
    ]);
  }

  private async cancelNow(id: JobId, reason: string): Promise<void> {
    const message = JSON.stringify({ type: 'cancel', jobId: id });
    const error = cancelError(id, reason);
    const model = await runScript<ModelId | null>(this.redis, 'cancel', this.clock.now(), id, error, message);
    if (model === null) return;
    const facts = { status: 'cancelled', attempt: 0, runMs: 0, code: 'job_cancelled' } as const;
    this.emit({ type: 'job.settled', jobId: id, model, ...facts });
  }

  /** The client was told "no": should the job be stored nevertheless, it must not run. */
  private async withdraw(id: JobId): Promise<void> {
    if (this.uncertain.size < 10_000) this.uncertain.add(id);
    try {
      await this.cancelNow(id, 'it was refused while the queue could not be reached');
      this.uncertain.delete(id);
    } catch {
      // tried again when the connection is back
    }
  }
}
