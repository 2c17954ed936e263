import type { ModelId } from '../contracts/ids.ts';
import type { ModelView, WorkerView } from '../contracts/model.ts';
import type { LoadFailures } from './load-failures.ts';
import type { ServerView } from './ports.ts';
import type { Residents } from './residents.ts';
import type { Estimates } from './scheduler/estimates.ts';

export interface WorkerIdentity {
  readonly name: string;
  readonly bootId: string;
  readonly host: string;
  readonly startedAtMs: number;
  readonly artifactUrl: string | null;
  readonly diskProblem?: string | null;
}

export interface WorkerBooks {
  readonly servers: ReadonlyMap<ModelId, ServerView>;
  readonly residents: Residents;
  readonly failures: LoadFailures;
  readonly estimates: Estimates;
}

/** What a worker tells about itself. */
export function viewWorker(identity: WorkerIdentity, books: WorkerBooks, nowMs: number): WorkerView {
  const models = [...books.servers.values()].map((server) => viewModel(server, books, nowMs));
  const estimates = models.map(({ model }) => {
    const { loadMs, serviceMs } = books.estimates.of(model);
    return [model, { loadMs: Math.round(loadMs), serviceMs: Math.round(serviceMs) }] as const;
  });
  return { ...identity, atMs: nowMs, models, estimates: Object.fromEntries(estimates) };
}

function viewModel(server: ServerView, { residents, failures }: WorkerBooks, nowMs: number): ModelView {
  const { model, state, sinceMs, loadProgress, loadPhase, bootId, pid, failure } = server;
  const blockedUntilMs = failures.blockedUntil(model);
  return {
    model,
    state: state === 'ready' && residents.isDraining(model) ? 'draining' : state,
    sinceMs,
    loadProgress,
    loadPhase,
    inFlight: residents.inFlight(model),
    bootId,
    pid,
    failure,
    blockedUntilMs: blockedUntilMs > nowMs ? blockedUntilMs : null,
  };
}
