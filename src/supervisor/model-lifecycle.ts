import type { BootId } from '../contracts/ids.ts';
import { type ModelFailure, type ModelState, modelTransitions } from '../contracts/model.ts';

/** A model's server as its owner sees it. */
export interface ServerStatus {
  readonly state: ModelState;
  readonly sinceMs: number;
  readonly loadProgress: number | null;
  readonly loadPhase: string | null;
  readonly bootId: BootId | null;
  readonly pid: number | null;
  readonly failure: ModelFailure | null;
}

export type LifecycleEvent =
  | { readonly type: 'start'; readonly bootId: BootId }
  | { readonly type: 'spawned'; readonly pid: number }
  | { readonly type: 'loading'; readonly progress: number | null; readonly phase: string | null }
  | { readonly type: 'ready' }
  /** It serves nobody any more, and falls asleep. */
  | { readonly type: 'drain'; readonly reason: string }
  | { readonly type: 'slept' }
  | { readonly type: 'wake' }
  /** A start that came to nothing, or a ready server that crashed or had to be ended. */
  | { readonly type: 'failed'; readonly reason: string; readonly logTail: readonly string[] }
  | { readonly type: 'stop'; readonly reason: string }
  /** The tree is gone and its memory is back. */
  | { readonly type: 'gone' };

export type LifecycleEffect =
  | {
      readonly kind: 'announce';
      readonly from: ModelState;
      readonly to: ModelState;
      readonly reason: string | null;
    }
  | { readonly kind: 'terminate' }
  | { readonly kind: 'kill' }
  /** Nobody may use this start any more. */
  | { readonly kind: 'revoke-leases'; readonly reason: string };

export interface LifecycleStep {
  readonly status: ServerStatus;
  readonly effects: readonly LifecycleEffect[];
}

export const newServer = (atMs: number): ServerStatus => ({
  state: 'stopped',
  sinceMs: atMs,
  loadProgress: null,
  loadPhase: null,
  bootId: null,
  pid: null,
  failure: null,
});

/** What an event makes of a server and what is to be done about it. An event that comes too late changes nothing. */
export function nextStep(status: ServerStatus, event: LifecycleEvent, atMs: number): LifecycleStep {
  const to = targetOf(status.state, event);
  if (to === null) return { status, effects: [] };
  const facts = factsOf(status, event, atMs);
  if (to === status.state) return { status: { ...status, ...facts }, effects: [] };
  const reason = 'reason' in event ? event.reason : null;
  return {
    status: { ...status, ...facts, state: to, sinceMs: atMs },
    effects: [{ kind: 'announce', from: status.state, to, reason }, ...effectsOf(status.state, event)],
  };
}

function targetOf(state: ModelState, event: LifecycleEvent): ModelState | null {
  const target = intendedTarget(state, event);
  if (target === state || target === null) return target;
  return (modelTransitions[state] as readonly string[]).includes(target) ? target : null;
}

function intendedTarget(state: ModelState, event: LifecycleEvent): ModelState | null {
  switch (event.type) {
    case 'start':
      return state === 'starting' ? null : 'starting';
    case 'spawned':
      // The launcher may tell it after the server itself has told more.
      return state === 'starting' || state === 'loading' || state === 'ready' ? state : null;
    case 'loading':
      return state === 'starting' || state === 'loading' ? 'loading' : null;
    case 'ready':
      return state === 'ready' || state === 'asleep' || state === 'draining' ? null : 'ready';
    case 'drain':
      return state === 'ready' ? 'draining' : null;
    case 'slept':
      return state === 'draining' ? 'asleep' : null;
    case 'wake':
      return state === 'asleep' ? 'loading' : null;
    case 'failed':
      return state === 'stopping' || state === 'failed' ? null : 'failed';
    case 'stop':
      return state === 'stopping' ? null : 'stopping';
    case 'gone':
      return state === 'stopping' ? 'stopped' : null;
    default:
      return event satisfies never;
  }
}

function factsOf(status: ServerStatus, event: LifecycleEvent, atMs: number): Partial<ServerStatus> {
  switch (event.type) {
    case 'start':
      return { bootId: event.bootId, ...noLoad, pid: null };
    case 'spawned':
      return { pid: event.pid };
    case 'loading':
      return isOvertaken(status, event) ? {} : { loadProgress: event.progress, loadPhase: event.phase };
    case 'ready':
      return { ...noLoad, failure: null };
    case 'drain':
    case 'slept':
      return noLoad;
    case 'wake':
      return { loadProgress: null, loadPhase: 'waking' };
    case 'failed':
      return { ...noLoad, bootId: null, pid: null, failure: failureOf(status, event, atMs) };
    case 'stop':
      return noLoad;
    case 'gone':
      return { bootId: null, pid: null };
    default:
      return event satisfies never;
  }
}

/** An answer of /health may arrive after an event that is newer than it. */
function isOvertaken(
  { loadProgress, loadPhase }: ServerStatus,
  { progress, phase }: { readonly progress: number | null; readonly phase: string | null },
): boolean {
  return loadProgress !== null && progress !== null && phase === loadPhase && progress < loadProgress;
}

const noLoad = { loadProgress: null, loadPhase: null } as const;

function failureOf(
  { state, failure }: ServerStatus,
  { reason, logTail }: { readonly reason: string; readonly logTail: readonly string[] },
  atMs: number,
): ModelFailure {
  const isFailedStart = state === 'starting' || state === 'loading';
  return { reason, logTail, atMs, failures: isFailedStart ? (failure?.failures ?? 0) + 1 : 0 };
}

function effectsOf(from: ModelState, event: LifecycleEvent): readonly LifecycleEffect[] {
  if (event.type === 'failed') return [{ kind: 'revoke-leases', reason: event.reason }, { kind: 'kill' }];
  if (event.type === 'gone') return [{ kind: 'revoke-leases', reason: 'it was unloaded' }];
  if (event.type !== 'stop') return [];
  // A server that has not begun to serve has nothing to finish.
  return [{ kind: from === 'starting' || from === 'loading' ? 'kill' : 'terminate' }];
}
