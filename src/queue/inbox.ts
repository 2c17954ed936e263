import type { Redis } from 'ioredis';
import { ulid } from 'ulid';
import type { Emit } from '../contracts/events.ts';
import type { InboxId, JobId } from '../contracts/ids.ts';
import type { JobMessage, JobRecord, JobStatus } from '../contracts/job.ts';
import type { Clock } from '../platform/clock.ts';
import { Ledger } from '../platform/ledger.ts';
import { keys } from './keys.ts';
import { checkServerIfThere } from './server-check.ts';
import { StreamReader } from './stream-reader.ts';

/** An API process that was silent for this long is gone: nobody waits for its sync jobs any more. */
export const inboxLeaseMs = 6000;
const heartbeatMs = 2000;
const streamTtlMs = 60_000;
const largeChars = 65_536;

export interface JobInboxOptions {
  /** A connection of role `command`. */
  readonly redis: Redis;
  /** A connection of role `blocking`, for this inbox alone; the inbox closes it. */
  readonly blocking: Redis;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly emit: Emit;
}

type Listener = (message: JobMessage, record: JobRecord | null) => void;

/** Tokens, progress and outcomes of jobs, as they arrive at this process. */
export class RedisJobInbox {
  readonly name = 'job-inbox';
  readonly id = `in_${ulid()}` as InboxId;
  private readonly redis: Redis;
  private readonly clock: JobInboxOptions['clock'];
  private readonly reader: StreamReader;
  private readonly listeners = new Ledger<JobId, Set<Listener>>();
  private stopTimer: () => void = () => undefined;

  constructor({ redis, blocking, clock, emit }: JobInboxOptions) {
    this.redis = redis;
    this.clock = clock;
    const fault = (error: Error) => emit({ type: 'system.fault', where: 'inbox', message: error.message });
    const sources = [
      {
        key: keys.inbox(this.id),
        onEntry: ({ message }: Readonly<Record<string, string>>, id: string) => {
          if (message === undefined) return;
          this.deliver(JSON.parse(message) as JobMessage);
          if (message.length > largeChars) void this.forget(id);
        },
      },
      { key: keys.events, onEntry: (fields: Readonly<Record<string, string>>) => this.hearEnd(fields) },
    ];
    this.reader = new StreamReader(blocking, sources, fault);
  }

  /**
   * Listens from now on; does not wait for a Redis that is away.
   * @throws Error with what to change when this Redis would lose jobs
   */
  async start(): Promise<void> {
    await checkServerIfThere(this.redis);
    this.redis.on('ready', this.beat);
    this.beatLater();
    await this.beat();
    await this.reader.start();
  }

  async stop(): Promise<void> {
    this.stopTimer();
    this.redis.off('ready', this.beat);
    await this.reader.stop();
    await this.redis.zrem(keys.inboxes, this.id).catch(() => undefined);
    await this.redis.del(keys.inbox(this.id), keys.inboxLease(this.id)).catch(() => undefined);
  }

  /** Listen before `submit`, or the first token may be missed. Returns the function that ends it. */
  subscribe(jobId: JobId, listener: Listener): () => void {
    const listeners = this.listeners.get(jobId) ?? new Set<Listener>();
    this.listeners.set(jobId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(jobId) === listeners) this.listeners.delete(jobId);
    };
  }

  /** Hands a message to those who listen; `settled` is the last one of a job and reaches each of them once. */
  deliver(message: JobMessage, record: JobRecord | null = null): void {
    const listeners = this.listeners.get(message.jobId);
    if (!listeners) return;
    if (message.type === 'settled') this.listeners.delete(message.jobId);
    for (const listener of listeners) listener(message, record);
  }

  /** An image on its way through: Redis keeps tokens for a while, and no pictures. */
  private async forget(id: string): Promise<void> {
    await this.redis.xdel(keys.inbox(this.id), id).catch(() => undefined);
  }

  /**
   * Every process hears of every end. The inbox that the job was accepted with is told by a message of its own, behind
   * the last chunk, and must not hear of it earlier.
   */
  private hearEnd({ job, status, inbox }: Readonly<Record<string, string>>): void {
    if (inbox === this.id) return;
    this.deliver({ type: 'settled', jobId: job as JobId, status: status as JobStatus });
  }

  private beatLater(): void {
    this.stopTimer = this.clock.after(heartbeatMs, () => {
      void this.beat();
      this.beatLater();
    });
  }

  /** The stream must exist before a worker writes to it; the lease says that this process lives. */
  private readonly beat = async (): Promise<void> => {
    if (this.redis.status !== 'ready') return;
    const stream = keys.inbox(this.id);
    try {
      await this.redis.set(keys.inboxLease(this.id), '1', 'PX', inboxLeaseMs);
      await this.redis.zadd(keys.inboxes, this.clock.now(), this.id);
      if ((await this.redis.pexpire(stream, streamTtlMs)) === 1) return;
      await this.redis.xadd(stream, '*', 'opened', '1');
      await this.redis.pexpire(stream, streamTtlMs);
    } catch {
      // repeated with the next beat, or as soon as the connection is back
    }
  };
}
