import type { Redis } from 'ioredis';
import type { Emit } from '../contracts/events.ts';
import type { InboxId, JobId } from '../contracts/ids.ts';
import type { JobMessage, JobPhase, JobRecord } from '../contracts/job.ts';
import type { Clock } from '../platform/clock.ts';
import type { RedisJobInbox } from './inbox.ts';
import { keys } from './keys.ts';
import { queueError } from './queue-errors.ts';
import { runScript } from './scripts.ts';

const keptMessages = 20_000;
const progressEveryMs = 500;
const rememberedJobs = 1000;
/** After an outage an API process needs a moment to renew its lease. */
const deadAfterMs = 2000;

interface Told {
  readonly atMs: number;
  readonly progress: number | null;
  readonly phase: JobPhase;
}

/** Tokens and progress on their way to the API process that waits for them. For a connection of role `worker`. */
export class RedisJobChannel {
  private readonly redis: Redis;
  private readonly clock: Pick<Clock, 'now'>;
  private readonly emit: Emit;
  private readonly told = new Map<JobId, Told>();
  private readonly missingSince = new Map<InboxId, number>();
  private local: RedisJobInbox | null = null;

  constructor({ redis, clock, emit }: { redis: Redis; clock: Pick<Clock, 'now'>; emit: Emit }) {
    this.redis = redis;
    this.clock = clock;
    this.emit = emit;
  }

  /** Messages to this inbox, which lives in the same process, do not travel through Redis. */
  attachLocal(inbox: RedisJobInbox): void {
    this.local = inbox;
  }

  /**
   * In order; kept while Redis is away, dropped when the inbox is gone.
   * @param record as it is stored, with the end of a job: within one process it need not be read again
   */
  send(inbox: InboxId, message: JobMessage, record: JobRecord | null = null): void {
    if (message.type === 'settled' || message.type === 'requeued') this.told.delete(message.jobId);
    if (this.local?.id === inbox) {
      this.local.deliver(message, record);
      return;
    }
    this.redis
      .xadd(
        ...([keys.inbox(inbox), 'NOMKSTREAM', 'MAXLEN', '~', keptMessages, '*'] as const),
        ...['message', JSON.stringify(message)],
      )
      .catch((error: Error) => this.fault(error));
  }

  /** Also kept in the record, so that polling sees it. At most one per job and half a second, a new phase at once. */
  progress(record: JobRecord, progress: number | null, phase: JobPhase): void {
    const nowMs = this.clock.now();
    const last = this.told.get(record.id);
    if (last && last.phase === phase && (last.progress === progress || nowMs - last.atMs < progressEveryMs))
      return;
    this.remember(record.id, { atMs: nowMs, progress, phase });
    if (last || progress !== record.progress || phase !== record.phase)
      runScript(this.redis, 'progress', nowMs, record.id, record.attempts, progress ?? '', phase).catch(
        (error: Error) => this.fault(error),
      );
    if (record.inboxId !== null) {
      this.send(record.inboxId, { type: 'progress', jobId: record.id, progress, phase });
    }
  }

  /** Whether the API process behind this inbox still lives; true while that is not known. */
  async inboxAlive(inbox: InboxId): Promise<boolean> {
    if (this.local?.id === inbox || this.redis.status !== 'ready') return true;
    const isThere = await this.redis.exists(keys.inboxLease(inbox)).catch(() => 1);
    if (isThere === 1) {
      this.missingSince.delete(inbox);
      return true;
    }
    const since = this.missingSince.get(inbox) ?? this.clock.now();
    this.missingSince.set(inbox, since);
    return this.clock.now() - since < deadAfterMs;
  }

  private remember(jobId: JobId, told: Told): void {
    this.told.delete(jobId);
    this.told.set(jobId, told);
    const [oldest] = this.told.keys();
    if (this.told.size > rememberedJobs && oldest !== undefined) this.told.delete(oldest);
  }

  private fault(error: Error): void {
    if (queueError(error).code === 'queue_unavailable') return;
    this.emit({ type: 'system.fault', where: 'job channel', message: error.message });
  }
}
