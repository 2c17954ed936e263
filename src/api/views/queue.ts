import type { ModelSpec, WorkerView } from '../../contracts/model.ts';
import type { BoardState } from '../board-view.ts';
import type { JobStore } from '../ports.ts';
import { modelView } from './model.ts';

type Depths =
  Awaited<ReturnType<JobStore['depths']>> extends ReadonlyMap<unknown, infer Depth> ? Depth : never;

/** The queue of one model. */
export function queueView(spec: ModelSpec, depth: Depths | undefined, board: BoardState, nowMs: number) {
  const { status, paused } = modelView(spec, board, 0);
  const { queued = 0, inProgress = 0, oldestQueuedAtMs = null } = depth ?? {};
  return {
    object: 'queue',
    model: spec.id,
    status,
    paused,
    jobs: { queued, in_progress: inProgress },
    queue_cap: spec.queueCap,
    oldest_queued_seconds:
      oldestQueuedAtMs === null ? null : Math.max(0, Math.floor((nowMs - oldestQueuedAtMs) / 1000)),
  };
}

/** A worker, its times as seconds until `nowMs`. */
export function workerView({ name, host, startedAtMs, atMs, models }: WorkerView, nowMs: number) {
  const secondsSince = (ms: number): number => Math.max(0, Math.floor((nowMs - ms) / 1000));
  return {
    object: 'worker',
    name,
    host,
    up_seconds: secondsSince(startedAtMs),
    seen_seconds: secondsSince(atMs),
    in_flight: models.reduce((sum, { inFlight }) => sum + inFlight, 0),
  };
}
