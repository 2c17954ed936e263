import type { Redis } from 'ioredis';
import type { ControlMessage } from '../contracts/control.ts';
import type { ModelId } from '../contracts/ids.ts';
import { type WorkerView, workerStaleAfterMs } from '../contracts/model.ts';
import type { Clock } from '../platform/clock.ts';
import { type HistoryEntry, type HistoryKind, readHistory } from './history.ts';
import { keys } from './keys.ts';
import { asQueueErrors } from './queue-errors.ts';

/** What workers publish about themselves and what the operator may ask of them. For a connection of role `command`. */
export class RedisWorkerBoard {
  private readonly redis: Redis;
  private readonly clock: Pick<Clock, 'now'>;

  constructor({ redis, clock }: { redis: Redis; clock: Pick<Clock, 'now'> }) {
    this.redis = redis;
    this.clock = clock;
  }

  /** Live workers only. */
  workers(): Promise<readonly WorkerView[]> {
    return asQueueErrors(async () => {
      const oldest = this.clock.now() - workerStaleAfterMs;
      const names = await this.redis.zrangebyscore(keys.workers, oldest, '+inf');
      if (names.length === 0) return [];
      const views = await this.redis.mget(names.map(keys.worker));
      return views.filter((view) => view !== null).map((view) => JSON.parse(view) as WorkerView);
    });
  }

  pausedModels(): Promise<ReadonlySet<ModelId>> {
    return asQueueErrors(async () => new Set((await this.redis.smembers(keys.paused)) as ModelId[]));
  }

  /** Tells every worker; pause and resume are kept over restarts. */
  send(message: ControlMessage): Promise<void> {
    return asQueueErrors(async () => {
      const steps = this.redis.multi();
      if (message.type === 'pause') steps.sadd(keys.paused, message.model);
      if (message.type === 'resume') steps.srem(keys.paused, message.model);
      steps.xadd(keys.control, 'MAXLEN', '~', 1000, '*', 'message', JSON.stringify(message));
      for (const [error] of (await steps.exec()) ?? []) if (error) throw error;
    });
  }

  /** Newest first. */
  history(kind: HistoryKind, limit: number): Promise<readonly HistoryEntry[]> {
    return asQueueErrors(() => readHistory(this.redis, kind, limit));
  }

  /** Round trip to Redis, ms. @throws queue_unavailable */
  ping(): Promise<number> {
    return asQueueErrors(async () => {
      const startedAt = performance.now();
      await this.redis.ping();
      return performance.now() - startedAt;
    });
  }
}
