import { errors } from '../contracts/error-catalogue.ts';
import type { ModelFailure, ModelSpec, ModelView } from '../contracts/model.ts';
import { type BoardState, viewsOf } from './board-view.ts';

const failuresBeforeRefusal = 2;
const longestRetryAfterS = 60;

/**
 * Refuses a call that would wait in vain: its model is paused, or has failed to start again and again and rests now.
 * @throws model_paused, model_load_failed
 */
export function refuseHopelessWait(spec: ModelSpec, board: BoardState, nowMs: number): void {
  if (board.paused.has(spec.id)) throw errors.modelPaused(spec.id);
  const rests = viewsOf(board, spec.id).map((view) => restOf(view, nowMs));
  const known = rests.filter((rest) => rest !== null);
  const [first] = known.toSorted((a, b) => a.untilMs - b.untilMs);
  if (first === undefined || known.length < rests.length) return;
  const { failure, untilMs } = first;
  const retryAfterS = Math.min(longestRetryAfterS, Math.max(1, Math.ceil((untilMs - nowMs) / 1000)));
  throw errors.modelLoadFailed(spec.id, failure.reason, failure.logTail, retryAfterS);
}

/** Why its worker will not load it now; null when it is there or may be tried. */
function restOf(view: ModelView, nowMs: number): { failure: ModelFailure; untilMs: number } | null {
  const { state, failure, blockedUntilMs } = view;
  if (state !== 'failed' && state !== 'stopped') return null;
  if (failure === null || failure.failures < failuresBeforeRefusal) return null;
  return blockedUntilMs === null || blockedUntilMs <= nowMs ? null : { failure, untilMs: blockedUntilMs };
}
