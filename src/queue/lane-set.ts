import type { Redis } from 'ioredis';
import type { Emit } from '../contracts/events.ts';
import type { JobId, ModelId } from '../contracts/ids.ts';
import { jobClasses } from '../contracts/job.ts';
import type { Clock } from '../platform/clock.ts';
import type { ClaimWatch } from './claim-watch.ts';
import { workerLostError } from './job-errors.ts';
import { laneName } from './keys.ts';
import { type LaneTiming, LaneWorker } from './lane-worker.ts';
import { queueError } from './queue-errors.ts';
import { reclaimLane } from './reclaim.ts';
import { runScript } from './scripts.ts';

export interface LaneSetOptions {
  readonly redis: Redis;
  readonly workerName: string;
  readonly timing: LaneTiming;
  readonly watch: ClaimWatch;
  readonly clock: Pick<Clock, 'now'>;
  readonly emit: Emit;
}

/** The lanes that this process looks after: made when they are needed, watched for jobs whose worker was lost. */
export class LaneSet {
  private readonly options: LaneSetOptions;
  private readonly lanes = new Map<string, LaneWorker>();
  private readonly started = new Map<string, LaneWorker>();

  constructor(options: LaneSetOptions) {
    this.options = options;
  }

  async get(name: string): Promise<LaneWorker> {
    const known = this.lanes.get(name);
    if (known) return known;
    const lane = this.make(name);
    this.lanes.set(name, lane);
    await lane.start();
    this.started.set(name, lane);
    return lane;
  }

  /** A lane that is looked after already. */
  known(name: string): LaneWorker | null {
    return this.started.get(name) ?? null;
  }

  /** The attempt is over: its lock is renewed no more. */
  untrack(name: string, jobId: JobId): void {
    this.lanes.get(name)?.untrack(jobId);
  }

  /** Takes back what nobody runs although it is under our name. Returns how many jobs that were. */
  async reclaim(models: readonly ModelId[]): Promise<number> {
    const { redis, workerName, watch } = this.options;
    let reclaimed = 0;
    for (const model of models) {
      for (const jobClass of jobClasses) {
        const lane = await this.get(laneName(model, jobClass));
        const orphans = await reclaimLane(redis, lane, workerName, watch);
        for (const jobId of orphans) await this.rescue(lane.lane, jobId);
        reclaimed += orphans.length;
      }
    }
    return reclaimed;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.lanes.values()].map((lane) => lane.close()));
  }

  /** Tells a fault of ours; trouble with the connection and with lost locks is told where it belongs. */
  fault(where: string, error: Error): void {
    if (queueError(error).code === 'queue_unavailable' || /lock/i.test(error.message)) return;
    this.options.emit({ type: 'system.fault', where, message: error.message });
  }

  private make(name: string): LaneWorker {
    const { redis, workerName, timing, watch } = this.options;
    return new LaneWorker(name, {
      redis,
      workerName,
      timing,
      onLockLost: (jobId) => void watch.lockLost(jobId),
      onStalled: (jobId) => void this.rescue(name, jobId as JobId),
      onError: (error) => this.fault(`lane ${name}`, error),
    });
  }

  /**
   * Brings the record in line after BullMQ put a job back whose worker was lost: `queued` again while attempts are
   * left, else `failed` with worker_lost.
   */
  private async rescue(lane: string, jobId: JobId): Promise<void> {
    const { redis, clock, emit } = this.options;
    try {
      const model = await runScript<ModelId | null>(
        redis,
        'rescue',
        clock.now(),
        lane,
        jobId,
        workerLostError,
      );
      if (model !== null) emit({ type: 'job.rescued', jobId, model });
    } catch (error) {
      this.fault(`rescuing ${jobId}`, error as Error);
    }
  }
}
