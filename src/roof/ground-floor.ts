import type { Role } from '../config/settings.ts';
import { type Half, InstanceLock } from '../platform/instance-lock.ts';
import type { Service } from '../platform/service.ts';
import { connectRedis } from '../queue/connection.ts';
import { LocalRedis } from '../queue/local-redis.ts';
import type { House } from './house.ts';

/** What stands before anything is built on it: the data folder is ours alone, and there is a Redis to connect to. */
export interface GroundFloor {
  readonly redisUrl: string;
  readonly services: readonly Service[];
}

/** Without REDIS_URL, a private server. */
export function groundFloor(house: House): GroundFloor {
  const { settings, http } = house;
  const { dataDir, runtimeDir, role } = settings;
  const locks = halvesOf(role).map((half) => new InstanceLock({ dataDir, runtimeDir, half }));
  const client: Service = { name: 'http client', start: async () => {}, stop: () => http.close() };
  if (settings.redisUrl !== null) return { redisUrl: settings.redisUrl, services: [...locks, client] };
  const local = privateRedis(house);
  return { redisUrl: local.url, services: [...locks, client, local] };
}

const halvesOf = (role: Role): readonly Half[] => (role === 'all' ? ['worker', 'api'] : [role]);

function privateRedis({ settings, env, clock, emit }: House): LocalRedis {
  const { dataDir, runtimeDir, projectDir, redisMaxMemoryMb, redisSource } = settings;
  return new LocalRedis({
    dataDir,
    runtimeDir,
    projectDir,
    searchPath: env.PATH ?? '',
    source: redisSource,
    ...(redisMaxMemoryMb === null ? {} : { maxMemoryMb: redisMaxMemoryMb }),
    emit,
    clock,
  });
}

export type WorkerConnection = ReturnType<typeof connectRedis>;

/** A connection as a service, so that it closes after all that uses it. */
export function workerConnection(
  house: House,
  redisUrl: string,
): { redis: WorkerConnection; service: Service } {
  const redis = connectRedis(redisUrl, 'worker', house.emit);
  const stop = async () => redis.disconnect();
  return { redis, service: { name: 'redis connection', start: async () => {}, stop } };
}
