/** What `roundhouse status` shows, whatever the API calls it. Times are ms. */
export interface StatusFacts {
  readonly url: string;
  readonly nowMs: number;
  readonly isReady: boolean;
  /** Why it is not ready. */
  readonly problem: string | null;
  readonly redisPingMs: number | null;
  readonly models: readonly ModelFacts[];
  readonly workers: readonly WorkerFacts[];
  /** Newest first. */
  readonly swaps: readonly SwapFacts[];
}

export interface ModelFacts {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly sinceMs: number | null;
  /** 0 to 1 while it loads. */
  readonly progress: number | null;
  readonly phase: string | null;
  readonly isPaused: boolean;
  readonly queued: number;
  readonly running: number;
  readonly oldestQueuedMs: number | null;
  readonly failure: {
    readonly reason: string;
    readonly failures: number;
    readonly retryInMs: number | null;
  } | null;
}

export interface WorkerFacts {
  readonly name: string;
  readonly host: string;
  readonly upMs: number;
  readonly seenMs: number;
}

export interface SwapFacts {
  readonly atMs: number;
  readonly load: string;
  readonly evicted: readonly string[];
  readonly reason: string;
  /** null: it failed. */
  readonly tookMs: number | null;
}
