import { errors } from '../contracts/error-catalogue.ts';
import type { RoundhouseError } from '../contracts/errors.ts';
import type { ModelId } from '../contracts/ids.ts';
import type { JobRecord } from '../contracts/job.ts';
import type { ModelFailure, ModelSpec, ModelType, ModelView } from '../contracts/model.ts';
import { type BoardState, viewsOf } from './board-view.ts';
import type { Api } from './dependencies.ts';
import { recordError } from './record-error.ts';

const failuresBeforeRefusal = 2;
const longestRetryAfterS = 60;

/**
 * Refuses a call that would wait in vain: its model is paused, or has failed to start again and again and rests now.
 * @throws model_paused, model_load_failed
 */
export function refuseHopelessWait(spec: ModelSpec, board: BoardState, nowMs: number): void {
  if (board.paused.has(spec.id)) throw errors.modelPaused(spec.id);
  const rest = restOf(spec.id, board, nowMs);
  if (rest === null) return;
  const { failure, retryAfterS } = rest;
  throw errors.modelLoadFailed(spec.id, failure.reason, failure.logTail, retryAfterS);
}

const makesFiles: ReadonlySet<ModelType> = new Set<ModelType>(['image', 'audio', 'speech']);

export const isMadeOfFiles = ({ type }: ModelSpec): boolean => makesFiles.has(type);

/**
 * Refuses work whose result is a file while no worker has room for one: it would fail after its model has done it.
 * @throws storage_full
 */
export function refuseWithoutRoom({ workers }: BoardState): void {
  const problems = workers.map(({ diskProblem }) => diskProblem ?? null);
  const [first = null] = problems;
  if (first !== null && !problems.includes(null)) throw errors.storageFull(first);
}

/** The error of a job that has ended, and for a model that could not be started, when it is tried again. */
export async function failureOf({ boardView, clock }: Api, record: JobRecord): Promise<RoundhouseError> {
  if (record.error?.code !== 'model_load_failed') return recordError(record);
  const board = await boardView.fresh().catch(() => null);
  const rest = board === null ? null : restOf(record.model, board, clock.now());
  return recordError(record, rest?.retryAfterS);
}

interface Rest {
  readonly failure: ModelFailure;
  readonly retryAfterS: number;
}

interface ViewRest {
  readonly failure: ModelFailure;
  readonly untilMs: number;
}

/** Why no worker will load it now, and when the first of them will; null when it is there or may be tried. */
function restOf(model: ModelId, board: BoardState, nowMs: number): Rest | null {
  let first: ViewRest | null = null;
  for (const view of viewsOf(board, model)) {
    const rest = restOfView(view, nowMs);
    if (rest === null) return null;
    if (first === null || rest.untilMs < first.untilMs) first = rest;
  }
  if (first === null) return null;
  const { failure, untilMs } = first;
  return {
    failure,
    retryAfterS: Math.min(longestRetryAfterS, Math.max(1, Math.ceil((untilMs - nowMs) / 1000))),
  };
}

/** Why its worker will not load it now; null when it is there or may be tried. */
function restOfView(view: ModelView, nowMs: number): ViewRest | null {
  const { state, failure, blockedUntilMs } = view;
  if (state !== 'failed' && state !== 'stopped') return null;
  if (failure === null || failure.failures < failuresBeforeRefusal) return null;
  return blockedUntilMs === null || blockedUntilMs <= nowMs ? null : { failure, untilMs: blockedUntilMs };
}
