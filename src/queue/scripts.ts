import type { Redis } from 'ioredis';
import { type JobScript, jobScripts } from './lua-scripts.ts';

type Commands = Record<string, (...args: (string | number)[]) => Promise<unknown>>;

const command = (script: JobScript): string => `roundhouse:${script}`;

const defined = new WeakSet<Redis>();

/** Runs one of our scripts on this connection; Redis keeps it by its hash after the first time. */
export async function runScript<Reply>(
  redis: Redis,
  script: JobScript,
  nowMs: number,
  ...args: readonly (string | number)[]
): Promise<Reply> {
  defineScripts(redis);
  const run = (redis as unknown as Commands)[command(script)];
  return (await run?.call(redis, Math.round(nowMs), ...args)) as Reply;
}

function defineScripts(redis: Redis): void {
  if (defined.has(redis)) return;
  defined.add(redis);
  for (const [script, lua] of Object.entries(jobScripts)) {
    redis.defineCommand(command(script as JobScript), { numberOfKeys: 0, lua });
  }
}
