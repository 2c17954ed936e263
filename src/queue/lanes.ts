import type { Redis } from 'ioredis';
import { errors } from '../contracts/error-catalogue.ts';
import type { ErrorBody } from '../contracts/errors.ts';
import type { Emit } from '../contracts/events.ts';
import type { InboxId, ModelId } from '../contracts/ids.ts';
import type { JobClass, JobMessage, JobRecord, JobStatus, NewJob, Outcome } from '../contracts/job.ts';
import type { Clock } from '../platform/clock.ts';
import { Claim } from './claim.ts';
import { claimJobs, type StartedJob } from './claim-jobs.ts';
import { ClaimWatch } from './claim-watch.ts';
import { expireJob } from './expire.ts';
import { failWaitingJobs } from './fail-waiting.ts';
import { keys, laneName } from './keys.ts';
import { LaneSet } from './lane-set.ts';
import { defaultLaneTiming, type LaneTiming, type LaneWorker } from './lane-worker.ts';
import { orAborted, untilDone, within } from './patience.ts';
import { queueError } from './queue-errors.ts';
import { type JobInput, recordOfStarted } from './record-codec.ts';
import { ScriptBatch } from './script-batch.ts';
import { checkServer } from './server-check.ts';
import { type SettleReply, settleAttempt } from './settle-attempt.ts';
import { type LaneSnapshot, readSnapshot } from './snapshot.ts';
import type { RedisWorkerDesk } from './worker-desk.ts';

const snapshotPatienceMs = 2000;
const claimPatienceMs = 5000;

export interface BullLanesOptions {
  /** A connection of role `worker`. */
  readonly redis: Redis;
  readonly desk: RedisWorkerDesk;
  /** Where the messages started, requeued and settled go. */
  readonly channel: { send(inbox: InboxId, message: JobMessage, record?: JobRecord | null): void };
  readonly models: () => readonly ModelId[];
  /** Only one process may use a name at a time: WorkerLease. */
  readonly workerName: string;
  readonly bootId: string;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly timing?: LaneTiming;
}

/** A token for a job that starts as it is accepted. One of the two methods is called, once. */
export interface StartTicket {
  readonly token: string;
  readonly workerName: string;
  readonly lockDurationMs: number;
  /** The job was started under the token, at this moment (epoch ms). */
  open(job: NewJob, startedAtMs: number): Claim;
  /** It was not, or that is not known. */
  close(): void;
}

/** All lanes of this worker over one connection: look, claim, settle. */
export class BullLanes {
  readonly name = 'lanes';
  private readonly options: BullLanesOptions;
  private readonly lanes: LaneSet;
  private readonly watch: ClaimWatch;
  private readonly settlements: ScriptBatch<SettleReply>;
  private readonly opened = new Set<Promise<void>>();
  /** Claims that were asked for in this turn of the event loop, by lane: they go to Redis together. */
  private readonly asked = new Map<string, ((claim: Claim | null) => void)[]>();
  private readonly lockDurationMs: number;
  private tokens = 0;
  private isClosing = false;
  private stopListening: () => void = () => undefined;

  constructor(options: BullLanesOptions) {
    const { timing = defaultLaneTiming, redis, clock, emit } = options;
    this.options = options;
    this.lockDurationMs = timing.lockDurationMs;
    this.settlements = new ScriptBatch(redis, 'settle', clock);
    this.watch = new ClaimWatch(redis, clock, timing.lockDurationMs, emit);
    this.lanes = new LaneSet({ ...options, timing, watch: this.watch });
  }

  /**
   * Waits for Redis, takes back what an earlier process of this name left running, and tells `worker.started`.
   * @throws Error with what to change when this Redis would lose jobs
   */
  async start(): Promise<void> {
    const { desk, workerName, emit, redis, models } = this.options;
    this.stopListening = desk.onControl((message) => {
      if (message.type === 'cancel') this.watch.cancel(message.jobId);
    });
    await checkServer(redis);
    const reclaimed = await this.lanes.reclaim(models());
    await redis.del(keys.claims(workerName));
    this.watch.start();
    redis.on('ready', this.afterOutage);
    emit({ type: 'worker.started', name: workerName, reclaimed });
  }

  /** Takes nothing new, waits until attempts are settled (or the deadline), leaves open ones to a rescue. */
  async stop(deadline: AbortSignal): Promise<void> {
    this.isClosing = true;
    this.options.redis.off('ready', this.afterOutage);
    this.stopListening();
    this.watch.stop();
    await orAborted(Promise.allSettled(this.opened), deadline);
    await this.lanes.close();
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
    throw errors.queueUnavailable('Redis does not answer');
  }

  /**
   * The next job of one lane, started (attempt counted, record `in_progress`); null: nothing to claim, or Redis does
   * not answer. Never rejects.
   */
  async claim(model: ModelId, jobClass: JobClass): Promise<Claim | null> {
    if (this.isClosing) return null;
    try {
      return await within(this.ask(laneName(model, jobClass)), claimPatienceMs, null, (claim) => {
        void claim?.settle({ kind: 'snooze' });
      });
    } catch (error) {
      this.lanes.fault(`claiming from ${model}`, error as Error);
      return null;
    }
  }

  /** Permission to start a job in the step that accepts it; null: its lane is not looked after yet. */
  ticket(model: ModelId, jobClass: JobClass): StartTicket | null {
    const lane = this.lanes.known(laneName(model, jobClass));
    if (lane === null || this.isClosing) return null;
    const { workerName } = this.options;
    const token = this.newToken();
    this.watch.opening(token);
    return {
      token,
      workerName,
      lockDurationMs: this.lockDurationMs,
      open: (job, startedAtMs) => {
        const record = recordOfStarted(job, { workerName, startedAtMs });
        this.watch.claimed(record.id, token);
        this.watch.opened(token);
        return this.openClaim(lane, { record, body: job.body, uploads: job.uploads ?? null, token });
      },
      close: () => this.watch.opened(token),
    };
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
    const facts = { status: 'failed', attempt: 0, runMs: 0, code: error.code } as const;
    for (const jobId of failed) this.options.emit({ type: 'job.settled', jobId, model, ...facts });
    return failed.length;
  }

  /** Stores the outcome of a claim, however long Redis is away; called by the claim itself. */
  async settle(claim: Claim, outcome: Outcome): Promise<JobStatus> {
    const { redis, channel, emit, workerName } = this.options;
    const settled = await untilDone(
      () => settleAttempt(this.settlements, claim, outcome, workerName),
      () => this.isClosing && redis.status !== 'ready',
      (error) => this.lanes.fault(`settling ${claim.record.id}`, error),
    );
    this.watch.remove(claim);
    this.lanes.untrack(claim.lane, claim.record.id);
    if (settled === null) return claim.record.status;
    if (!settled.isOurs) return settled.status;
    for (const message of settled.messages) {
      if (claim.record.inboxId !== null) channel.send(claim.record.inboxId, message, settled.record);
    }
    emit(settled.event);
    return settled.status;
  }

  private ask(name: string): Promise<Claim | null> {
    return new Promise((resolve, reject) => {
      const asked = this.asked.get(name);
      if (asked) {
        asked.push(resolve);
        return;
      }
      const askers = [resolve];
      this.asked.set(name, askers);
      queueMicrotask(() => {
        this.asked.delete(name);
        this.claimFor(name, askers)
          .catch(reject)
          .finally(() => {
            for (const answer of askers) answer(null);
          });
      });
    });
  }

  /** One job for each asker, as far as they go. */
  private async claimFor(name: string, askers: readonly ((claim: Claim | null) => void)[]): Promise<void> {
    const lane = await this.lanes.get(name);
    const waiting = [...askers];
    while (waiting.length > 0 && !this.isClosing) {
      const jobs = await this.take(lane, waiting.length);
      if (jobs.length === 0) return;
      for (const job of jobs) {
        const claim = await this.open(lane, job);
        if (claim !== null) waiting.shift()?.(claim);
      }
    }
  }

  private async take(lane: LaneWorker, count: number): Promise<readonly StartedJob[]> {
    const { redis, clock, workerName } = this.options;
    const tokens = Array.from({ length: count }, () => this.newToken());
    const owner = { workerName, lockDurationMs: this.lockDurationMs };
    for (const token of tokens) this.watch.opening(token);
    try {
      const jobs = await claimJobs(redis, lane.lane, tokens, owner, clock.now());
      for (const { jobId, token } of jobs) this.watch.claimed(jobId, token);
      return jobs;
    } finally {
      for (const token of tokens) this.watch.opened(token);
    }
  }

  /** null: its time was over, and it left its lane. */
  private async open(lane: LaneWorker, { jobId, token, started }: StartedJob): Promise<Claim | null> {
    const { redis, clock } = this.options;
    if (started === null) {
      await expireJob(redis, jobId, clock.now(), true);
      this.watch.forget(jobId, token);
      return null;
    }
    return this.openClaim(lane, { ...started, token });
  }

  private newToken(): string {
    const { workerName, bootId } = this.options;
    return `${workerName}:${bootId}:${++this.tokens}`;
  }

  private openClaim(lane: LaneWorker, facts: JobInput & { readonly token: string }): Claim {
    const claim = new Claim(this, { ...facts, lane: lane.lane });
    lane.track(claim.record.id, claim.token, this.options.clock.now());
    this.watch.add(claim);
    this.remember(claim.ended);
    this.tellStarted(claim);
    return claim;
  }

  private tellStarted({ record, attempt }: Claim): void {
    const { channel, emit, clock } = this.options;
    const { id: jobId, model, inboxId } = record;
    if (inboxId !== null) channel.send(inboxId, { type: 'started', jobId, attempt });
    emit({ type: 'job.started', jobId, model, attempt, waitMs: clock.now() - record.createdAtMs });
  }

  private remember(ended: Promise<void>): void {
    this.opened.add(ended);
    void ended.then(() => this.opened.delete(ended));
  }

  /** A fetch whose answer was lost left a job active without anyone running it. */
  private readonly afterOutage = (): void => {
    const { models } = this.options;
    this.lanes.reclaim(models()).catch((error: Error) => this.lanes.fault('reclaiming', error));
    this.wake();
  };
}
