import type { Redis } from 'ioredis';
import { keys } from './keys.ts';

/** A secret that all processes on one Redis share: made by the first that asks, the same for all others. */
export async function sharedSecret(redis: Redis, name: string, make: () => string): Promise<string> {
  const key = keys.secret(name);
  const known = await redis.get(key); // first, since a Redis that is full answers this, and no SET
  if (known !== null) return known;
  await redis.set(key, make(), 'NX');
  return (await redis.get(key)) ?? '';
}
