import type { Redis } from 'ioredis';
import type { ControlMessage } from '../contracts/control.ts';
import type { Emit } from '../contracts/events.ts';
import { type WorkerView, workerStaleAfterMs } from '../contracts/model.ts';
import type { Clock } from '../platform/clock.ts';
import { keys } from './keys.ts';
import { queueError } from './queue-errors.ts';
import { StreamReader } from './stream-reader.ts';

export interface WorkerDeskOptions {
  /** A connection of role `worker`. */
  readonly redis: Redis;
  /** A connection of role `blocking`, for this desk alone; the desk closes it. */
  readonly blocking: Redis;
  readonly workerName: string;
  readonly clock: Pick<Clock, 'after'>;
  readonly emit: Emit;
}

/**
 * Operators' wishes and news of work, over the worker's one blocking connection. A pause is also kept in a set and a
 * cancellation in the job's record, so that a message that comes while nobody listens is not lost.
 */
export class RedisWorkerDesk {
  readonly name = 'worker-desk';
  private readonly options: WorkerDeskOptions;
  private readonly reader: StreamReader;
  private readonly listeners = new Set<(message: ControlMessage) => void>();
  private readonly waiting = new Set<() => void>();
  private hasNews = false;

  constructor(options: WorkerDeskOptions) {
    this.options = options;
    const fault = (error: Error) =>
      options.emit({ type: 'system.fault', where: 'worker desk', message: error.message });
    const sources = [
      { key: keys.control, onEntry: ({ message = '' }) => this.hear(JSON.parse(message) as ControlMessage) },
      { key: keys.work, onEntry: () => this.wake() },
    ];
    this.reader = new StreamReader(options.blocking, sources, fault);
    options.blocking.on('ready', () => this.wake());
  }

  start(): Promise<void> {
    return this.reader.start();
  }

  async stop(): Promise<void> {
    this.wake();
    await this.reader.stop();
  }

  onControl(listener: (message: ControlMessage) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Resolves when work came, `wake` was called (also just before), or the time is over. Never rejects. */
  waitForWork(timeoutMs: number): Promise<void> {
    if (this.hasNews) {
      this.hasNews = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        this.waiting.delete(done);
        this.hasNews = false;
        resolve();
      };
      const cancel = this.options.clock.after(timeoutMs, done);
      this.waiting.add(done);
    });
  }

  wake(): void {
    this.hasNews = true;
    for (const done of this.waiting) done();
  }

  /** Shown by the API for as long as it is repeated. */
  async publish(view: WorkerView): Promise<void> {
    const { redis } = this.options;
    if (redis.status !== 'ready') return;
    await redis
      .multi()
      .set(keys.worker(view.name), JSON.stringify(view), 'PX', workerStaleAfterMs)
      .zadd(keys.workers, view.atMs, view.name)
      .exec()
      .catch((error: Error) => this.fault('publishing the worker', error));
  }

  /** What `saveEstimates` kept last, also in an earlier process; null at first. */
  async loadEstimates(): Promise<unknown> {
    const text = await this.options.redis.get(keys.estimates(this.options.workerName));
    return text === null ? null : JSON.parse(text);
  }

  async saveEstimates(estimates: unknown): Promise<void> {
    const { redis, workerName } = this.options;
    if (redis.status !== 'ready') return;
    await redis
      .set(keys.estimates(workerName), JSON.stringify(estimates))
      .catch((error: Error) => this.fault('saving estimates', error));
  }

  private hear(message: ControlMessage): void {
    for (const listener of this.listeners) listener(message);
    this.wake();
  }

  private fault(where: string, error: Error): void {
    if (queueError(error).code === 'queue_unavailable') return;
    this.options.emit({ type: 'system.fault', where, message: error.message });
  }
}
