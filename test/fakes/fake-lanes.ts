import type { ErrorBody } from '../../src/contracts/errors.ts';
import type { JobId, ModelId } from '../../src/contracts/ids.ts';
import {
  type JobClass,
  type JobRecord,
  type JobStatus,
  jobClasses,
  maxAttempts,
  type NewJob,
  type Outcome,
} from '../../src/contracts/job.ts';
import type { Uploads } from '../../src/contracts/upload.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { OfferStart } from '../../src/queue/start-offer.ts';
import type { ClaimedJob, LaneCounts, Lanes, StartTicket } from '../../src/worker/ports.ts';
import type { EventRecorder } from '../helpers/event-recorder.ts';
import { aRecord } from './a-record.ts';

interface Waiting {
  readonly record: JobRecord;
  readonly body: string;
  readonly uploads: Uploads | null;
  readonly attempts: number;
}

/** A claim of the fake lanes: a test may cancel it or take its lock away. */
export interface FakeClaim extends ClaimedJob {
  readonly abort: AbortController;
}

/** Lanes in memory. What happens to jobs is told as events: `claimed`, `settled`, `failed-waiting`. */
export class FakeLanes implements Lanes {
  readonly claims = new Map<JobId, FakeClaim>();
  readonly outcomes = new Map<JobId, Outcome>();
  readonly paused = new Set<ModelId>();
  isAway = false;
  /** How often they were looked at. */
  looks = 0;
  /** Told of each job; the lanes wake by themselves unless a test says otherwise. */
  onAccepted: (job: NewJob) => void = () => this.wake();
  /** Asked for each job, as the queue asks the worker of its own process. */
  offerStart: OfferStart = () => null;
  /** Tickets that are neither used nor given back. */
  openTickets = 0;
  private readonly waiting: Waiting[] = [];
  private readonly accepted = new Map<ModelId, [number, number, number]>();
  private readonly models: () => readonly ModelId[];
  private readonly clock: Clock;
  private readonly events: EventRecorder;
  private wakers: (() => void)[] = [];
  private hasNews = false;

  constructor(models: () => readonly ModelId[], clock: Clock, events: EventRecorder) {
    this.models = models;
    this.clock = clock;
    this.events = events;
  }

  add(job: NewJob): JobId {
    const { body, uploads = null, webhook: _, ...facts } = job;
    const fresh = {
      status: 'queued',
      attempts: 0,
      startedAtMs: null,
      completedAtMs: null,
      output: null,
    } as const;
    const counts = this.accepted.get(job.model) ?? [0, 0, 0];
    counts[jobClasses.indexOf(job.class)] = (counts[jobClasses.indexOf(job.class)] ?? 0) + 1;
    this.accepted.set(job.model, counts);
    const offer = this.offerStart(job);
    if (offer !== null && !this.waiting.some(({ record }) => record.model === job.model)) {
      offer.begin();
      offer.started(job, this.clock.now());
    } else {
      this.waiting.push({ record: aRecord({ ...facts, ...fresh }), body, uploads, attempts: 0 });
      offer?.declined();
      this.onAccepted(job);
    }
    return job.id;
  }

  /** Ids that wait, first come first. */
  get queue(): readonly JobId[] {
    return this.waiting.map(({ record }) => record.id);
  }

  /** Takes as long as a trip to another process: short jobs are over by then. */
  async snapshot(): Promise<readonly LaneCounts[]> {
    this.looks += 1;
    await new Promise((resolve) => setImmediate(resolve));
    if (this.isAway) throw new Error('Redis is away');
    return this.models().map((model) => this.countsOf(model));
  }

  async claim(model: ModelId, jobClass: JobClass): Promise<ClaimedJob | null> {
    const at = this.waiting.findIndex(({ record }) => record.model === model && record.class === jobClass);
    const [job] = at === -1 ? [] : this.waiting.splice(at, 1);
    if (job === undefined) return null;
    const claim = this.claimOf(job);
    this.claims.set(job.record.id, claim);
    this.events.add({ type: 'claimed', jobId: job.record.id, model, attempt: claim.attempt });
    return claim;
  }

  ticket(model: ModelId): StartTicket {
    this.openTickets += 1;
    return {
      ...{ token: `token-${model}`, workerName: 'w1', lockDurationMs: 30_000 },
      open: ({ body, uploads = null, webhook: _, ...facts }) => {
        this.openTickets -= 1;
        const record = aRecord({ ...facts, output: null });
        const claim = this.claimOf({ record, body, uploads, attempts: 0 });
        this.claims.set(facts.id, claim);
        this.events.add({ type: 'started-at-once', jobId: facts.id, model });
        return claim;
      },
      close: () => {
        this.openTickets -= 1;
      },
    };
  }

  async waitForWork(timeoutMs: number): Promise<void> {
    if (!this.hasNews) {
      const over = new AbortController();
      await new Promise<void>((resolve) => {
        this.wakers.push(resolve);
        void this.clock.sleep(timeoutMs, over.signal).then(resolve);
      });
      over.abort();
    }
    this.hasNews = false;
  }

  wake(): void {
    this.hasNews = true;
    for (const resolve of this.wakers.splice(0)) resolve();
  }

  async failWaiting(model: ModelId, error: ErrorBody, which: 'sync' | 'all'): Promise<number> {
    const failed = this.waiting.filter(
      ({ record }) => record.model === model && (which === 'all' || record.sync),
    );
    for (const each of failed) {
      this.waiting.splice(this.waiting.indexOf(each), 1);
      this.outcomes.set(each.record.id, { kind: 'failed', error });
      this.events.add({ type: 'failed-waiting', jobId: each.record.id, model, code: error.code });
    }
    return failed.length;
  }

  private countsOf(model: ModelId): LaneCounts {
    const lanes = jobClasses.map((jobClass) =>
      this.waiting.filter(({ record }) => record.model === model && record.class === jobClass),
    );
    const triple = (of: (lane: readonly Waiting[]) => number) =>
      lanes.map(of) as unknown as [number, number, number];
    const times = (lane: readonly Waiting[]) => lane.map(({ record }) => record.createdAtMs);
    return {
      model,
      waiting: triple((lane) => lane.length),
      oldest: triple((lane) => (lane.length === 0 ? -1 : Math.min(...times(lane)))),
      sumEnqueued: triple((lane) => times(lane).reduce((sum, at) => sum + at, 0)),
      accepted: this.accepted.get(model) ?? [0, 0, 0],
      paused: this.paused.has(model),
    };
  }

  private claimOf(job: Waiting): FakeClaim {
    const abort = new AbortController();
    const attempt = job.attempts + 1;
    return {
      record: { ...job.record, status: 'in_progress', attempts: attempt, startedAtMs: this.clock.now() },
      body: job.body,
      uploads: job.uploads,
      attempt,
      abort,
      signal: abort.signal,
      abandon: () => abort.abort(new Error('its client is gone')),
      settle: async (outcome) => this.settle({ ...job, attempts: attempt }, outcome),
    };
  }

  private settle(job: Waiting, outcome: Outcome): JobStatus {
    const { id: jobId } = job.record;
    this.claims.delete(jobId);
    this.outcomes.set(jobId, outcome);
    const status = this.afterwards(job, outcome);
    this.events.add({ type: 'settled', jobId, kind: outcome.kind, status, attempt: job.attempts });
    return status;
  }

  private afterwards(job: Waiting, outcome: Outcome): JobStatus {
    if (outcome.kind === 'snooze') this.waiting.unshift({ ...job, attempts: job.attempts - 1 });
    else if (outcome.kind === 'retry' && job.attempts < maxAttempts) this.waiting.unshift(job);
    else return outcome.kind === 'retry' ? 'failed' : outcome.kind;
    this.wake();
    return 'queued';
  }
}
