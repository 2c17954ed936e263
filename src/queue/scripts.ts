import { Writable } from 'node:stream';
import type { Redis } from 'ioredis';
import { lookScripts } from './lua-looks.ts';
import { changeScripts } from './lua-scripts.ts';

type Commands = Record<string, (...args: (string | number)[]) => Promise<unknown>>;

const jobScripts = { ...changeScripts, ...lookScripts };
export type JobScript = keyof typeof jobScripts;

const command = (script: JobScript): string => `roundhouse:${script}`;

const defined = new WeakSet<Redis>();

/** Runs one of our scripts on this connection; Redis keeps it by its hash after the first time. */
export function runScript<Reply>(
  redis: Redis,
  script: JobScript,
  nowMs: number,
  ...args: readonly (string | number)[]
): Promise<Reply> {
  writeTogether(redis);
  return sendScript(redis, script, nowMs, ...args);
}

/** The same, not held back for the end of this turn. */
export async function sendScript<Reply>(
  redis: Redis,
  script: JobScript,
  nowMs: number,
  ...args: readonly (string | number)[]
): Promise<Reply> {
  defineScripts(redis);
  const run = (redis as unknown as Commands)[command(script)];
  return (await run?.call(redis, Math.round(nowMs), ...args)) as Reply;
}

/** Commands that wait in a stream for the end of this turn of the event loop. */
const waiting = new WeakMap<Writable, number>();
/** So that Redis works on some while the next are written. */
const mostWaiting = 8;

/** Commands of one turn of the event loop leave in few writes. */
function writeTogether(redis: Redis): void {
  const stream: unknown = Reflect.get(redis, 'stream');
  if (!(stream instanceof Writable)) return;
  const count = waiting.get(stream);
  if (count === undefined) {
    stream.cork();
    setImmediate(() => {
      waiting.delete(stream);
      stream.uncork();
    });
  } else if (count % mostWaiting === 0) {
    stream.uncork();
    stream.cork();
  }
  waiting.set(stream, (count ?? 0) + 1);
}

function defineScripts(redis: Redis): void {
  if (defined.has(redis)) return;
  defined.add(redis);
  for (const [script, lua] of Object.entries(jobScripts)) {
    redis.defineCommand(command(script as JobScript), { numberOfKeys: 0, lua });
  }
}
