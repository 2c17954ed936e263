import type { Redis } from 'ioredis';

/** Oldest server that knows every command used here. */
export const minimumVersion = [6, 2] as const;

/** What keeps a server from being safe for us; null: nothing. */
export function serverProblem(info: string): string | null {
  const version = field(info, 'redis_version') ?? '0';
  if (!isAtLeast(version, minimumVersion)) {
    return `Redis ${version} is too old. Use Redis or Valkey ${minimumVersion.join('.')} or newer.`;
  }
  const policy = field(info, 'maxmemory_policy');
  if (policy !== null && policy !== 'noeviction') {
    return `Redis evicts data (maxmemory-policy ${policy}) and would lose jobs. Run: CONFIG SET maxmemory-policy noeviction.`;
  }
  return null;
}

/** @throws Error with what to change when this server would lose jobs */
export async function checkServer(redis: Redis): Promise<void> {
  const problem = serverProblem(await redis.info());
  if (problem !== null) throw new Error(problem);
}

/**
 * For one that may be away, or go meanwhile: without its answer nothing is known.
 * @throws Error with what to change when this server would lose jobs
 */
export async function checkServerIfThere(redis: Redis): Promise<void> {
  const info = redis.status === 'ready' ? await redis.info().catch(() => '') : '';
  const problem = info === '' ? null : serverProblem(info);
  if (problem !== null) throw new Error(problem);
}

/** Compares `7.0.15` with `[6, 2]`. */
export function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [haveMajor = 0, haveMinor = 0] = version.split('.').map(Number);
  return haveMajor > major || (haveMajor === major && haveMinor >= minor);
}

function field(info: string, name: string): string | null {
  return new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? null;
}
