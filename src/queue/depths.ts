import type { Redis } from 'ioredis';
import type { ModelId } from '../contracts/ids.ts';
import { keys, laneModel } from './keys.ts';
import { readSnapshot } from './snapshot.ts';

export interface LaneDepth {
  readonly queued: number;
  readonly inProgress: number;
  readonly oldestQueuedAtMs: number | null;
}

/** Waiting and running jobs of every model that ever had one. */
export async function readDepths(redis: Redis, nowMs: number): Promise<ReadonlyMap<ModelId, LaneDepth>> {
  const counts = new Map<ModelId, { queued: number; inProgress: number }>();
  for (const [field, value] of Object.entries(await redis.hgetall(keys.counts))) {
    const [lane = '', status] = field.split('|');
    const count = counts.get(laneModel(lane)) ?? { queued: 0, inProgress: 0 };
    if (status === 'queued') count.queued += Number(value);
    else count.inProgress += Number(value);
    counts.set(laneModel(lane), count);
  }
  const snapshot = await readSnapshot(redis, [...counts.keys()], nowMs);
  return new Map(
    snapshot.map(({ model, oldest }) => {
      const since = oldest.filter((time) => time >= 0);
      const { queued, inProgress } = counts.get(model) ?? { queued: 0, inProgress: 0 };
      return [model, { queued, inProgress, oldestQueuedAtMs: since.length > 0 ? Math.min(...since) : null }];
    }),
  );
}
