import type { Redis } from 'ioredis';
import type { ModelId } from '../contracts/ids.ts';
import { keys, laneModel } from './keys.ts';
import { runScript } from './scripts.ts';

export interface LaneDepth {
  readonly queued: number;
  readonly inProgress: number;
  readonly oldestQueuedAtMs: number | null;
}

/** Waiting (in lanes and backlogs) and running jobs of every model that ever had one. */
export async function readDepths(redis: Redis, nowMs: number): Promise<ReadonlyMap<ModelId, LaneDepth>> {
  const counts = Object.entries(await redis.hgetall(keys.counts));
  const lanes = [...new Set(counts.map(([field]) => field.split('|')[0] ?? ''))];
  const oldest = await runScript<string[]>(redis, 'oldestAccepted', nowMs, ...lanes);
  const depths = new Map<ModelId, LaneDepth>();
  for (const [field, value] of counts) {
    const [lane = '', status] = field.split('|');
    const more = status === 'queued' ? { queued: Number(value) } : { inProgress: Number(value) };
    depths.set(laneModel(lane), sum(depths.get(laneModel(lane)), more));
  }
  for (const [at, lane] of lanes.entries()) {
    const sinceMs = Number(oldest[at] ?? -1);
    if (sinceMs >= 0)
      depths.set(laneModel(lane), sum(depths.get(laneModel(lane)), { oldestQueuedAtMs: sinceMs }));
  }
  return depths;
}

const nothing: LaneDepth = { queued: 0, inProgress: 0, oldestQueuedAtMs: null };

function sum(
  { queued, inProgress, oldestQueuedAtMs }: LaneDepth = nothing,
  more: Partial<LaneDepth> = {},
): LaneDepth {
  const { queued: q = 0, inProgress: p = 0, oldestQueuedAtMs: o = null } = more;
  const times = [oldestQueuedAtMs, o].filter((time) => time !== null);
  return {
    queued: queued + q,
    inProgress: inProgress + p,
    oldestQueuedAtMs: times.length === 0 ? null : Math.min(...times),
  };
}
