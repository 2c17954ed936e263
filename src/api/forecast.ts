import type { ModelSpec } from '../contracts/model.ts';
import { type BoardState, viewsOf } from './board-view.ts';

const longestRetryAfterS = 60;

/** When the job at `position` of its lane may start, ms from now: the load that is left, then those before it. */
export function startsInMs(position: number, spec: ModelSpec, board: BoardState | null): number {
  const { serviceMs } = estimatesOf(spec, board);
  return Math.round(remainingLoadMs(spec, board) + ((position - 1) * serviceMs) / slots(spec, board));
}

/** How long a full queue takes to drain, in whole seconds, 1 to 60 (SDKs ignore longer ones). */
export function drainS(spec: ModelSpec, board: BoardState | null): number {
  const seconds = Math.ceil(startsInMs(spec.queueCap + 1, spec, board) / 1000);
  return Math.min(longestRetryAfterS, Math.max(1, seconds));
}

function estimatesOf(spec: ModelSpec, board: BoardState | null): { loadMs: number; serviceMs: number } {
  const learned = board?.workers.map(({ estimates }) => estimates[spec.id]).find((one) => one !== undefined);
  return learned ?? { loadMs: spec.startupTimeMs, serviceMs: spec.serviceTimeMs };
}

/** 0 when some worker has it ready. */
function remainingLoadMs(spec: ModelSpec, board: BoardState | null): number {
  const views = board === null ? [] : viewsOf(board, spec.id);
  if (views.some(({ state }) => state === 'ready')) return 0;
  const progress = Math.max(0, ...views.map(({ loadProgress }) => loadProgress ?? 0));
  return estimatesOf(spec, board).loadMs * (1 - Math.min(1, progress));
}

function slots(spec: ModelSpec, board: BoardState | null): number {
  const ready = board === null ? 0 : viewsOf(board, spec.id).filter(({ state }) => state === 'ready').length;
  return spec.concurrency * Math.max(1, ready);
}
