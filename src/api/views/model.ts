import type { ModelSpec, ModelState, ModelView } from '../../contracts/model.ts';
import { type BoardState, viewsOf } from '../board-view.ts';

/** Runpod's and llama-swap's word for each state of ours. */
const statusByState = {
  ready: 'loaded',
  asleep: 'asleep',
  draining: 'unloading',
  stopping: 'unloading',
  starting: 'loading',
  loading: 'loading',
  failed: 'failed',
  stopped: 'unloaded',
} as const satisfies Record<ModelState, string>;

/** Of several workers, the one that is closest to serving stands for the model. */
const statesByUse = Object.keys(statusByState) as ModelState[];

/** A model as clients see it: OpenAI's four members and ours. `board` is null while the queue cannot be reached. */
export function modelView(spec: ModelSpec, board: BoardState | null, createdAtMs: number) {
  const view = board === null ? null : bestOf(viewsOf(board, spec.id));
  return {
    id: spec.id,
    object: 'model',
    created: Math.floor(createdAtMs / 1000),
    owned_by: 'roundhouse',
    type: spec.type,
    endpoints: spec.endpoints,
    aliases: spec.aliases,
    status: statusByState[view?.state ?? 'stopped'],
    state: view?.state ?? 'stopped',
    state_since: view ? Math.floor(view.sinceMs / 1000) : null,
    load_progress: view?.loadProgress ?? null,
    load_phase: view?.loadPhase ?? null,
    in_flight: view?.inFlight ?? 0,
    paused: board?.paused.has(spec.id) ?? false,
    failure: view?.failure ? failureView(view, view.failure) : null,
    vram_mb: spec.vramMb,
    concurrency: spec.concurrency,
    pinned: spec.pinned,
  };
}

/** Of a model on several workers, the one that is closest to serving; null: none has it. */
export function bestOf(views: readonly ModelView[]): ModelView | null {
  const rank = ({ state }: ModelView): number => statesByUse.indexOf(state);
  return views.reduce<ModelView | null>(
    (best, view) => (best === null || rank(view) < rank(best) ? view : best),
    null,
  );
}

function failureView({ blockedUntilMs }: ModelView, failure: NonNullable<ModelView['failure']>) {
  return {
    reason: failure.reason,
    log_tail: failure.logTail,
    failures: failure.failures,
    at: Math.floor(failure.atMs / 1000),
    blocked_until: blockedUntilMs === null ? null : Math.floor(blockedUntilMs / 1000),
  };
}
