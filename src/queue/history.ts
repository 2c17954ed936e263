import type { Redis } from 'ioredis';
import type { EventType, RoundhouseEvent } from '../contracts/events.ts';
import type { Clock } from '../platform/clock.ts';
import { keys } from './keys.ts';

export type HistoryKind = 'swaps' | 'jobs' | 'models';

export interface HistoryEntry {
  readonly atMs: number;
  readonly event: RoundhouseEvent;
}

const keptEntries = 10_000;

/** The job's own events are written by the scripts that change its record, in the same step. */
const kindOf: Partial<Record<EventType, HistoryKind>> = {
  'swap.started': 'swaps',
  'swap.finished': 'swaps',
  'swap.failed': 'swaps',
  'model.state-changed': 'models',
  'job.client-left': 'jobs',
};

/** Keeps swaps and model states over restarts, the last ten thousand of each. For a connection of role `worker`. */
export class HistoryWriter {
  private readonly redis: Redis;
  private readonly clock: Pick<Clock, 'now'>;

  constructor({ redis, clock }: { redis: Redis; clock: Pick<Clock, 'now'> }) {
    this.redis = redis;
    this.clock = clock;
  }

  /** Never waits and never throws. */
  record(event: RoundhouseEvent): void {
    const kind = kindOf[event.type];
    if (kind === undefined) return;
    this.redis
      .xadd(
        ...([keys.history(kind), 'MAXLEN', '~', keptEntries, '*'] as const),
        ...['at', String(this.clock.now()), 'event', JSON.stringify(event)],
      )
      .catch(() => undefined);
  }
}

/** Newest first. */
export async function readHistory(redis: Redis, kind: HistoryKind, limit: number): Promise<HistoryEntry[]> {
  const entries = await redis.xrevrange(keys.history(kind), '+', '-', 'COUNT', limit);
  return entries.map(([, fields]) => {
    const value = (name: string): string => fields[fields.indexOf(name) + 1] ?? '';
    return { atMs: Number(value('at')), event: JSON.parse(value('event')) as RoundhouseEvent };
  });
}
