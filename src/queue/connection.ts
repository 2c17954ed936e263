import { Redis, type RedisOptions } from 'ioredis';
import type { Emit } from '../contracts/events.ts';
import { watchOutages } from './outage-watch.ts';

/**
 * What a connection is for. `command`: requests of clients, which fail within a second while Redis is away.
 * `worker`: work that must not be given up, which waits until Redis is back. `blocking`: reads that wait for streams.
 */
export type RedisRole = 'command' | 'blocking' | 'worker';

const reconnectDelayMs = (attempt: number): number => Math.min(50 * 2 ** attempt, 1000);

type Options = Omit<RedisOptions, 'replyMapping'>;

const shared: Options = {
  // BullMQ is tested on RESP2, and nothing here needs more.
  protocol: 2,
  retryStrategy: reconnectDelayMs,
  keepAlive: 10_000,
  connectTimeout: 3000,
};

const byRole: Readonly<Record<RedisRole, Options>> = {
  command: { ...shared, maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: 800 },
  worker: { ...shared, maxRetriesPerRequest: null },
  // A read that was under way when the connection broke fails at once, and its reader goes on from its cursor.
  blocking: { ...shared, maxRetriesPerRequest: 0, enableOfflineQueue: false, blockingTimeout: 15_000 },
};

/**
 * Connects, and goes on trying for as long as it lives; nothing here waits for Redis to be up.
 * @param url `redis://…`, `rediss://…`, `unix:///path.sock` or the path of a Unix socket
 */
export function connectRedis(url: string, role: RedisRole, emit: Emit): Redis {
  const redis = new Redis(socketPath(url) ?? url, byRole[role]);
  watchOutages(redis, emit);
  return redis;
}

function socketPath(url: string): string | null {
  if (url.startsWith('unix://')) return url.slice('unix://'.length);
  return url.startsWith('/') ? url : null;
}
