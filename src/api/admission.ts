import { errors } from '../contracts/error-catalogue.ts';
import type { ModelFailure, ModelSpec } from '../contracts/model.ts';
import { type BoardState, viewsOf } from './board-view.ts';

const failuresBeforeRefusal = 2;
const longestRetryAfterS = 60;

/**
 * Refuses a call that would wait in vain: its model is paused, or has failed to start again and again and rests now.
 * @throws model_paused, model_load_failed
 */
export function refuseHopelessWait(spec: ModelSpec, board: BoardState): void {
  if (board.paused.has(spec.id)) throw errors.modelPaused(spec.id);
  const blocked = blockage(spec, board);
  if (blocked === null) return;
  const { failure, untilMs } = blocked;
  const waitS = Math.max(1, Math.ceil((untilMs - board.atMs) / 1000));
  const retryAfterS = Math.min(longestRetryAfterS, waitS);
  throw errors.modelLoadFailed(spec.id, failure.reason, failure.logTail, retryAfterS);
}

/** Why no worker will load it now; null when one has it or may try. */
function blockage(spec: ModelSpec, board: BoardState): { failure: ModelFailure; untilMs: number } | null {
  let first: { failure: ModelFailure; untilMs: number } | null = null;
  for (const { state, failure, blockedUntilMs } of viewsOf(board, spec.id)) {
    const isBlocked =
      state === 'failed' || state === 'stopped'
        ? failure !== null && failure.failures >= failuresBeforeRefusal && (blockedUntilMs ?? 0) > board.atMs
        : false;
    if (!isBlocked || failure === null) return null;
    const untilMs = blockedUntilMs ?? 0;
    if (first === null || untilMs < first.untilMs) first = { failure, untilMs };
  }
  return first;
}
