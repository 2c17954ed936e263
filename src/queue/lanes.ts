import type { Redis } from 'ioredis';
import { errors } from '../contracts/error-catalogue.ts';
import type { ErrorBody } from '../contracts/errors.ts';
import type { Emit } from '../contracts/events.ts';
import type { InboxId, JobId, ModelId } from '../contracts/ids.ts';
import {
  type JobClass,
  type JobMessage,
  type JobStatus,
  jobClasses,
  type Outcome,
} from '../contracts/job.ts';
import type { Clock } from '../platform/clock.ts';
import { Claim } from './claim.ts';
import { ClaimWatch } from './claim-watch.ts';
import { failWaitingJobs } from './fail-waiting.ts';
import { laneName } from './keys.ts';
import { LaneEntrance } from './lane-entry.ts';
import { defaultLaneTiming, type LaneJob, type LaneTiming, LaneWorker } from './lane-worker.ts';
import { untilDone, within } from './patience.ts';
import { queueError } from './queue-errors.ts';
import { reclaimLane } from './reclaim.ts';
import { reenterStranded } from './reenter.ts';
import { rescueJob } from './rescue.ts';
import { runScript } from './scripts.ts';
import { settleAttempt } from './settle-attempt.ts';
import { type LaneSnapshot, readSnapshot } from './snapshot.ts';
import { startAttempt } from './start-attempt.ts';
import type { RedisWorkerDesk } from './worker-desk.ts';

const snapshotPatienceMs = 2000;
const claimPatienceMs = 5000;

export interface BullLanesOptions {
  /** A connection of role `worker`. */
  readonly redis: Redis;
  readonly desk: RedisWorkerDesk;
  /** Where the messages started, requeued and settled go. */
  readonly channel: { send(inbox: InboxId, message: JobMessage): void };
  readonly models: () => readonly ModelId[];
  /** Only one process may use a name at a time: WorkerLease. */
  readonly workerName: string;
  readonly bootId: string;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly timing?: LaneTiming;
}

/** All lanes of this worker over one connection: look, claim, settle. */
export class BullLanes {
  readonly name = 'lanes';
  private readonly options: BullLanesOptions;
  private readonly lanes = new Map<string, LaneWorker>();
  private readonly watch: ClaimWatch;
  private readonly holding = new Set<Promise<void>>();
  private tokens = 0;
  private isClosing = false;
  private stopListening: () => void = () => undefined;

  constructor(options: BullLanesOptions) {
    this.options = options;
    this.watch = new ClaimWatch(options.redis, options.clock, this.timing.lockDurationMs, options.emit);
  }

  /** Waits for Redis, takes back what an earlier process of this name left running, and tells `worker.started`. */
  async start(): Promise<void> {
    const { desk, workerName, emit, redis, clock } = this.options;
    this.stopListening = desk.onControl((message) => {
      if (message.type === 'cancel') this.watch.cancel(message.jobId);
    });
    const reclaimed = await this.reclaimAll();
    await reenterStranded(redis, new LaneEntrance(redis), clock.now(), 0);
    this.watch.start();
    redis.on('ready', this.afterOutage);
    emit({ type: 'worker.started', name: workerName, reclaimed });
  }

  /** All lanes at one moment. O(models), whatever is queued. @throws queue_unavailable */
  async snapshot(): Promise<readonly LaneSnapshot[]> {
    const { redis, models, clock } = this.options;
    try {
      const snapshot = await within(readSnapshot(redis, models(), clock.now()), snapshotPatienceMs, null);
      if (snapshot !== null) return snapshot;
    } catch (error) {
      throw queueError(error);
    }
    throw errors.queueUnavailable(`no answer within ${snapshotPatienceMs} ms`);
  }

  /** The next job of one lane, started (attempt counted, record `in_progress`); null: nothing to claim. */
  async claim(model: ModelId, jobClass: JobClass): Promise<Claim | null> {
    if (this.isClosing) return null;
    try {
      return await within(this.claimNext(laneName(model, jobClass)), claimPatienceMs, null, (claim) => {
        void claim?.settle({ kind: 'snooze' });
      });
    } catch (error) {
      this.fault(`claiming from ${model}`, error as Error);
      return null;
    }
  }

  /** Resolves when something may have changed: a job came, `wake` was called, or the time is over. Never rejects. */
  waitForWork(timeoutMs: number): Promise<void> {
    return this.options.desk.waitForWork(timeoutMs);
  }

  wake(): void {
    this.options.desk.wake();
  }

  /** Ends waiting jobs of a model that cannot start: the sync ones, or all. Returns how many. */
  async failWaiting(model: ModelId, error: ErrorBody, which: 'sync' | 'all'): Promise<number> {
    const failed = await failWaitingJobs(this.options.redis, model, error, which, this.options.clock);
    for (const jobId of failed) {
      this.options.emit({
        type: 'job.settled',
        jobId,
        model,
        status: 'failed',
        attempt: 0,
        runMs: 0,
        code: error.code,
      });
    }
    return failed.length;
  }

  /** Takes nothing new, waits until settled attempts are committed (or the deadline), leaves open ones to a rescue. */
  async stop(deadline: AbortSignal): Promise<void> {
    this.isClosing = true;
    this.options.redis.off('ready', this.afterOutage);
    this.stopListening();
    this.watch.stop();
    const over = new Promise<void>((resolve) => {
      if (deadline.aborted) resolve();
      deadline.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([Promise.allSettled(this.holding), over]);
    await Promise.allSettled([...this.lanes.values()].map((lane) => lane.close()));
  }

  /** ClaimDesk: stores the outcome, however long Redis is away. */
  async settle(claim: Claim, outcome: Outcome): Promise<JobStatus> {
    const { redis, clock, channel, emit } = this.options;
    const settled = await untilDone(
      () => settleAttempt(redis, claim, outcome, clock.now()),
      () => this.isClosing && redis.status !== 'ready',
      (error) => this.fault(`settling ${claim.record.id}`, error),
    );
    this.watch.remove(claim);
    if (settled === null) return claim.record.status;
    if (!settled.isOurs) return settled.status;
    for (const message of settled.messages) {
      if (claim.record.inboxId !== null) channel.send(claim.record.inboxId, message);
    }
    emit(settled.event);
    return settled.status;
  }

  private get timing(): LaneTiming {
    return this.options.timing ?? defaultLaneTiming;
  }

  private async claimNext(name: string): Promise<Claim | null> {
    const lane = await this.lane(name);
    while (!this.isClosing) {
      const token = `${this.options.workerName}:${this.options.bootId}:${++this.tokens}`;
      const job = await this.take(lane, token);
      if (job?.id === undefined) return null;
      const claim = await this.startJob(job.id as JobId, name, token, (end) =>
        this.hold(lane.hold(job, token, end)),
      );
      if (claim !== null) return claim;
    }
    return null;
  }

  private async take(lane: LaneWorker, token: string): Promise<LaneJob | null> {
    this.watch.opening(token);
    try {
      const job = await lane.take(token);
      if (job?.id !== undefined) this.watch.claimed(job.id as JobId, token);
      return job;
    } finally {
      this.watch.opened(token);
    }
  }

  private async startJob(
    jobId: JobId,
    lane: string,
    token: string,
    hold: (end: Claim['ended']) => void,
  ): Promise<Claim | null> {
    const end = Promise.withResolvers<'leave' | 'next-again'>();
    hold(end.promise);
    const started = await untilDone(
      () => startAttempt(this.options.redis, jobId, token, this.options.workerName, this.options.clock.now()),
      () => this.isClosing,
      (error) => this.fault(`starting ${jobId}`, error),
    );
    if (started === null || started === 'over') {
      this.watch.forget(jobId, token);
      end.resolve(started === null ? 'next-again' : 'leave');
      return null;
    }
    const claim = new Claim(this, { ...started, lane, token });
    void claim.ended.then(end.resolve);
    this.watch.add(claim);
    this.tellStarted(claim);
    return claim;
  }

  private tellStarted({ record, attempt }: Claim): void {
    const { channel, emit, clock } = this.options;
    if (record.inboxId !== null) {
      channel.send(record.inboxId, { type: 'started', jobId: record.id, attempt });
    }
    const waitMs = clock.now() - record.createdAtMs;
    emit({ type: 'job.started', jobId: record.id, model: record.model, attempt, waitMs });
  }

  private hold(committed: Promise<void>): void {
    this.holding.add(committed);
    void committed.finally(() => this.holding.delete(committed));
  }

  private async lane(name: string): Promise<LaneWorker> {
    const known = this.lanes.get(name);
    if (known) return known;
    const { redis, workerName } = this.options;
    const lane = new LaneWorker(name, {
      redis,
      workerName,
      timing: this.timing,
      onLockLost: (jobId) => void this.watch.lockLost(jobId),
      onStalled: (jobId) => void this.rescue(name, jobId as JobId),
      onError: (error) => this.fault(`lane ${name}`, error),
      onPutBack: async (jobId) => {
        await runScript(redis, 'entered', this.options.clock.now(), jobId, name);
      },
    });
    this.lanes.set(name, lane);
    await lane.start();
    return lane;
  }

  private async reclaimAll(): Promise<number> {
    let reclaimed = 0;
    for (const model of this.options.models()) {
      for (const jobClass of jobClasses) {
        const lane = await this.lane(laneName(model, jobClass));
        const orphans = await reclaimLane(this.options.redis, lane, this.options.workerName, this.watch);
        for (const jobId of orphans) await this.rescue(lane.lane, jobId);
        reclaimed += orphans.length;
      }
    }
    return reclaimed;
  }

  private async rescue(lane: string, jobId: JobId): Promise<void> {
    const { redis, clock, emit } = this.options;
    try {
      const model = await rescueJob(redis, lane, jobId, clock.now());
      if (model !== null) emit({ type: 'job.rescued', jobId, model });
    } catch (error) {
      this.fault(`rescuing ${jobId}`, error as Error);
    }
  }

  /** A fetch whose answer was lost left a job active without anyone running it. */
  private readonly afterOutage = (): void => {
    void this.reclaimAll().catch((error: Error) => this.fault('reclaiming', error));
    this.wake();
  };

  private fault(where: string, error: Error): void {
    if (queueError(error).code === 'queue_unavailable') return;
    if (/lock/i.test(error.message)) return;
    this.options.emit({ type: 'system.fault', where, message: error.message });
  }
}
