import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';

export interface StreamSource {
  readonly key: string;
  /** The fields of one entry and its id, in the order in which they were written. */
  readonly onEntry: (fields: Readonly<Record<string, string>>, id: string) => void;
}

type Reply = [key: string, entries: [id: string, fields: string[]][]][] | null;

const blockMs = 5000;
/** A reply that is this late will not come: the connection is dead without having been closed. */
const deadAfterMs = blockMs + 2000;
const pageSize = 500;
const retryMs = 100;
/** A Redis that is there may be slow to tell; without its word, what is written meanwhile would be missed. */
const slowestStartMs = 15_000;

/**
 * Follows streams over one blocking connection, from the moment of its start on. After an outage it goes on where it
 * was: nothing is missed that Redis still keeps.
 */
export class StreamReader {
  private readonly redis: Redis;
  private readonly sources: readonly StreamSource[];
  private readonly cursors: (string | null)[];
  private readonly onFault: (error: Error) => void;
  private readonly stopped = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(redis: Redis, sources: readonly StreamSource[], onFault: (error: Error) => void) {
    this.redis = redis;
    this.sources = sources;
    this.cursors = sources.map(() => null);
    this.onFault = onFault;
  }

  /** Starts reading; resolves when the starting point is known, or after `patienceMs` while Redis is away. */
  async start(patienceMs = 2000): Promise<void> {
    const ready = Promise.withResolvers<void>();
    this.running = this.run(ready.resolve);
    await Promise.race([ready.promise, this.untilSeemsAway(patienceMs)]);
  }

  private async untilSeemsAway(patienceMs: number): Promise<void> {
    await sleep(patienceMs, undefined, { ref: false });
    if (this.redis.status === 'ready') await sleep(slowestStartMs, undefined, { ref: false });
  }

  /** Ends the read that is under way by closing the connection. */
  async stop(): Promise<void> {
    this.stopped.abort();
    this.redis.disconnect();
    await this.running;
  }

  private async run(onReady: () => void): Promise<void> {
    while (!this.stopped.signal.aborted) {
      try {
        if (this.redis.status !== 'ready') await this.untilReady();
        else {
          await this.findStart();
          onReady();
          this.deliver(await this.read());
        }
      } catch (error) {
        if (this.redis.status === 'ready') this.onFault(error as Error);
        await this.pause();
      }
    }
  }

  private async findStart(): Promise<void> {
    for (const [at, { key }] of this.sources.entries()) {
      if (this.cursors[at] != null) continue;
      const last = await this.redis.xrevrange(key, '+', '-', 'COUNT', 1);
      this.cursors[at] = last[0]?.[0] ?? '0-0';
    }
  }

  private async read(): Promise<Reply> {
    const watchdog = setTimeout(() => this.redis.disconnect(true), deadAfterMs);
    try {
      const names = this.sources.map(({ key }) => key);
      const ids = this.cursors.map((cursor) => cursor ?? '0-0');
      const reply = await this.redis.xread(
        ...(['COUNT', pageSize, 'BLOCK', blockMs, 'STREAMS'] as const),
        ...names,
        ...ids,
      );
      return reply as Reply;
    } finally {
      clearTimeout(watchdog);
    }
  }

  private deliver(reply: Reply): void {
    for (const [key, entries] of reply ?? []) {
      const at = this.sources.findIndex((source) => source.key === key);
      for (const [id, fields] of entries) {
        this.cursors[at] = id;
        this.hand(at, fields, id);
      }
    }
  }

  private hand(at: number, flat: readonly string[], id: string): void {
    const fields: Record<string, string> = {};
    for (let index = 0; index + 1 < flat.length; index += 2)
      fields[flat[index] ?? ''] = flat[index + 1] ?? '';
    try {
      this.sources[at]?.onEntry(fields, id);
    } catch (error) {
      this.onFault(error as Error);
    }
  }

  private async untilReady(): Promise<void> {
    const ready = Promise.withResolvers<void>();
    const { signal } = this.stopped;
    this.redis.once('ready', ready.resolve);
    signal.addEventListener('abort', () => ready.resolve(), { once: true });
    await ready.promise;
    this.redis.off('ready', ready.resolve);
  }

  private pause(): Promise<unknown> {
    return sleep(retryMs, undefined, { signal: this.stopped.signal }).catch(() => undefined);
  }
}
