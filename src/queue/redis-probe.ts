import { Redis } from 'ioredis';

export type RedisAnswer = 'ready' | 'loading' | 'silent';

/** Asks a server on a Unix socket once; `loading` while it reads its data. Never rejects. */
export async function probeRedis(socketPath: string): Promise<RedisAnswer> {
  const redis = new Redis(socketPath, {
    protocol: 2,
    lazyConnect: true,
    enableReadyCheck: false,
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
    retryStrategy: null,
    connectTimeout: 1000,
    commandTimeout: 1000,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await redis.ping();
    return 'ready';
  } catch (error) {
    return answerOf((error as Error).message);
  } finally {
    redis.disconnect();
  }
}

function answerOf(refusal: string): RedisAnswer {
  // A full disk refuses even PING; the server is there all the same.
  if (refusal.includes('MISCONF')) return 'ready';
  return refusal.includes('LOADING') ? 'loading' : 'silent';
}
