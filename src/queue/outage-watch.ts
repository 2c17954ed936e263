import type { Redis } from 'ioredis';
import type { Emit } from '../contracts/events.ts';

/** One per process: however many connections fall, an outage is told once, and its end once. */
class OutageWatch {
  private readonly down = new Set<Redis>();
  private readonly emit: Emit;
  private sinceMs = 0;

  constructor(emit: Emit) {
    this.emit = emit;
  }

  follow(redis: Redis): void {
    let reason = 'connection closed';
    redis.on('error', (error: Error) => {
      reason = error.message;
      this.lost(redis, reason);
    });
    redis.on('close', () => {
      if (redis.status !== 'end') this.lost(redis, reason);
    });
    redis.on('ready', () => this.found(redis));
    redis.on('end', () => this.down.delete(redis));
  }

  private lost(redis: Redis, reason: string): void {
    if (isClosedByUs(redis)) return;
    if (this.down.size === 0) {
      this.sinceMs = performance.now();
      this.emit({ type: 'redis.unreachable', reason });
    }
    this.down.add(redis);
  }

  private found(redis: Redis): void {
    if (!this.down.delete(redis) || this.down.size > 0) return;
    this.emit({ type: 'redis.back', downMs: Math.round(performance.now() - this.sinceMs) });
  }
}

const watches = new WeakMap<Emit, OutageWatch>();

/** Connections that share an `emit` share one view of whether Redis is there. */
export function watchOutages(redis: Redis, emit: Emit): void {
  const watch = watches.get(emit) ?? new OutageWatch(emit);
  watches.set(emit, watch);
  watch.follow(redis);
}

function isClosedByUs(redis: Redis): boolean {
  return redis.status === 'end' || Reflect.get(redis, 'manuallyClosing') === true;
}
