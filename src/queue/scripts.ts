import { Writable } from 'node:stream';
import type { Redis } from 'ioredis';
import { lookScripts } from './lua-looks.ts';
import { changeScripts } from './lua-scripts.ts';

type Commands = Record<string, (...args: (string | number)[]) => Promise<unknown>>;

const jobScripts = { ...changeScripts, ...lookScripts };
type JobScript = keyof typeof jobScripts;

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
  writeTogether(redis);
  const run = (redis as unknown as Commands)[command(script)];
  return (await run?.call(redis, Math.round(nowMs), ...args)) as Reply;
}

const corked = new WeakSet<Writable>();

/** What is sent in one turn of the event loop leaves in one write. */
function writeTogether(redis: Redis): void {
  const stream: unknown = Reflect.get(redis, 'stream');
  if (!(stream instanceof Writable) || corked.has(stream)) return;
  corked.add(stream);
  stream.cork();
  setImmediate(() => {
    corked.delete(stream);
    stream.uncork();
  });
}

function defineScripts(redis: Redis): void {
  if (defined.has(redis)) return;
  defined.add(redis);
  for (const [script, lua] of Object.entries(jobScripts)) {
    redis.defineCommand(command(script as JobScript), { numberOfKeys: 0, lua });
  }
}
