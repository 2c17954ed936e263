import { type Redis, ReplyError } from 'ioredis';
import type { Clock } from '../platform/clock.ts';
import { type JobScript, sendScript } from './scripts.ts';

/** So that Redis works on some while the next are put together. */
const mostTogether = 8;

/** The arguments of one call: a JSON list, and a text that stays as it is. */
type Args = readonly [facts: string, text: string];

interface Call<Reply> {
  readonly args: Args;
  readonly resolve: (told: Told<Reply>) => void;
  readonly reject: (error: unknown) => void;
}

/** What went wrong with one call, as the scripts tell it. */
type Failure = readonly [null, string];

/** What a script says of one of its calls. */
export interface Told<Reply> {
  readonly reply: Reply;
  /** Epoch ms, whole: the time that the script was told. */
  readonly nowMs: number;
}

/**
 * Calls of one script that are made in one turn of the event loop go to Redis together, in their order: one by one, each
 * costs more on its way than there. For scripts that take several calls and reply with a list.
 */
export class ScriptBatch<Reply extends readonly [string, number]> {
  private readonly redis: Redis;
  private readonly script: JobScript;
  private readonly clock: Pick<Clock, 'now'>;
  private waiting: Call<Reply>[] = [];

  constructor(redis: Redis, script: JobScript, clock: Pick<Clock, 'now'>) {
    this.redis = redis;
    this.script = script;
    this.clock = clock;
  }

  /** @throws what ioredis throws; a ReplyError may be about this call alone */
  run(...args: Args): Promise<Told<Reply>> {
    return new Promise((resolve, reject) => {
      if (this.waiting.length === 0) setImmediate(() => this.flush());
      this.waiting.push({ args, resolve, reject });
      if (this.waiting.length === mostTogether) this.flush();
    });
  }

  private flush(): void {
    const calls = this.waiting;
    this.waiting = [];
    if (calls.length > 0) void this.send(calls);
  }

  private async send(calls: readonly Call<Reply>[]): Promise<void> {
    const nowMs = Math.round(this.clock.now());
    const args = calls.flatMap((call) => call.args);
    try {
      const replies = await sendScript<readonly (Reply | Failure)[]>(this.redis, this.script, nowMs, ...args);
      for (const [at, call] of calls.entries()) answer(call, replies[at] ?? noReply, nowMs);
    } catch (error) {
      for (const { reject } of calls) reject(error);
    }
  }
}

const noReply: Failure = [null, 'the script said nothing of this call'];

function answer<Reply extends readonly [string, number]>(
  { resolve, reject }: Call<Reply>,
  reply: Reply | Failure,
  nowMs: number,
): void {
  if (isFailure(reply)) reject(new ReplyError(reply[1]));
  else resolve({ reply, nowMs });
}

const isFailure = (reply: readonly [string, number] | Failure): reply is Failure => reply[0] === null;
