import type { BootId, ModelId } from './ids.ts';

export const modelTypes = [
  'text',
  'image',
  'audio',
  'speech',
  'transcription',
  'embedding',
  'custom',
] as const;
export type ModelType = (typeof modelTypes)[number];

/** One entry of models.yaml, checked and with every default filled in. */
export interface ModelSpec {
  readonly id: ModelId;
  readonly type: ModelType;
  /** Other names that clients may send. */
  readonly aliases: readonly string[];
  /** Python file, absolute. */
  readonly serviceScript: string;
  /** Paths it serves; the first is the default of `POST /jobs`. */
  readonly endpoints: readonly string[];
  /** TCP port on 127.0.0.1; null: a Unix socket of its own per start. */
  readonly port: number | null;
  /** First estimate of a load, then learned. */
  readonly startupTimeMs: number;
  /** First estimate of one job, then learned. */
  readonly serviceTimeMs: number;
  /** Memory it needs to be resident; 0 on a CPU. */
  readonly vramMb: number;
  /** Jobs at once on the resident server. */
  readonly concurrency: number;
  /** Never evicted once loaded. */
  readonly pinned: boolean;
  /** Evicted, it sleeps in host memory where its service offers that and it holds; else it is ended. */
  readonly sleep: boolean;
  /** Host memory that it takes asleep. */
  readonly sleepRamMb: number;
  /** Its weights are read into the page cache while the model before it drains. */
  readonly readAhead: boolean;
  readonly args: Readonly<Record<string, unknown>>;
  /** Patterns of weights that may be downloaded although they are no safetensors. */
  readonly allowWeights: readonly string[];
  /** Waiting jobs before 429. */
  readonly queueCap: number;
  readonly queueTtlMs: number;
  readonly executionTimeoutMs: number;
  readonly deadlines: ModelDeadlines;
}

/** How long a silence may last before the server counts as hung. */
export interface ModelDeadlines {
  /** Loading without progress, log line or growth. */
  readonly loadStallMs: number;
  /** Loading in all. */
  readonly loadTotalMs: number;
  readonly firstTokenMs: number;
  readonly interTokenMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly stopGraceMs: number;
}

export const modelTransitions = {
  stopped: ['starting'],
  starting: ['loading', 'ready', 'stopping', 'failed'],
  loading: ['ready', 'stopping', 'failed'],
  ready: ['draining', 'stopping', 'failed'],
  draining: ['asleep', 'stopping', 'failed'],
  asleep: ['loading', 'stopping', 'failed'],
  stopping: ['stopped', 'failed'],
  failed: ['starting', 'stopped'],
} as const satisfies Record<string, readonly string[]>;

export type ModelState = keyof typeof modelTransitions;

/** A model as its worker sees it, published for display. */
export interface ModelView {
  readonly model: ModelId;
  readonly state: ModelState;
  readonly sinceMs: number;
  /** Load progress 0 to 1, null while unknown or not loading. */
  readonly loadProgress: number | null;
  readonly loadPhase: string | null;
  readonly inFlight: number;
  readonly bootId: BootId | null;
  readonly pid: number | null;
  /** Why it failed last, with the end of its log. */
  readonly failure: ModelFailure | null;
  /** The scheduler will not load it before this moment (backoff or quarantine); null: at any time. */
  readonly blockedUntilMs: number | null;
}

export interface ModelFailure {
  readonly reason: string;
  readonly logTail: readonly string[];
  readonly atMs: number;
  /** Failed starts in a row. */
  readonly failures: number;
}

/** A worker as it publishes itself every few seconds; a view older than `staleAfterMs` is of a dead worker. */
export interface WorkerView {
  readonly name: string;
  readonly bootId: string;
  readonly atMs: number;
  readonly startedAtMs: number;
  readonly host: string;
  /** Base URL of its artifact server, null within one process. */
  readonly artifactUrl: string | null;
  /** Why its disk takes no more results; null or absent: it has room. */
  readonly diskProblem?: string | null;
  readonly models: readonly ModelView[];
  /** Model -> what the estimates say now, ms. */
  readonly estimates: Readonly<Record<string, { readonly loadMs: number; readonly serviceMs: number }>>;
}

export const workerStaleAfterMs = 15_000;
