import { setMaxListeners } from 'node:events';
import type { RoundhouseError } from '../contracts/errors.ts';
import type { BootId, JobId } from '../contracts/ids.ts';
import type { Target } from '../platform/http-client.ts';
import { Ledger } from '../platform/ledger.ts';

/** Permission to use one start of a server, as the worker asks for it. */
export interface Lease {
  readonly bootId: BootId;
  readonly target: Target;
  /** Aborts when the server dies; its reason is a RoundhouseError model_crashed. */
  readonly gone: AbortSignal;
  onProgress(jobId: JobId, listener: ProgressListener): () => void;
  kill(reason: string): Promise<void>;
  release(): void;
}

export type ProgressListener = (progress: number | null, phase: string | null) => void;

/** All leases on one start of one server: they end together. */
export class ServerLeases {
  private readonly end = new AbortController();
  private readonly listeners = new Ledger<string, Set<ProgressListener>>();
  private readonly start: Pick<Lease, 'bootId' | 'target' | 'kill'>;

  constructor(start: Pick<Lease, 'bootId' | 'target' | 'kill'>) {
    this.start = start;
    // As many as the model has jobs at once.
    setMaxListeners(0, this.end.signal);
  }

  grant(): Lease {
    const ended = new Set<() => void>();
    return {
      ...this.start,
      gone: this.end.signal,
      onProgress: (jobId, listener) => {
        const stop = this.listen(jobId, listener);
        ended.add(stop);
        return stop;
      },
      release: () => {
        for (const stop of ended) stop();
      },
    };
  }

  revoke(error: RoundhouseError): void {
    this.end.abort(error);
    this.listeners.clear();
  }

  tellProgress(jobId: string, progress: number | null, phase: string | null): void {
    for (const listener of this.listeners.get(jobId) ?? []) listener(progress, phase);
  }

  private listen(jobId: JobId, listener: ProgressListener): () => void {
    const listeners = this.listeners.get(jobId) ?? new Set<ProgressListener>();
    this.listeners.set(jobId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(jobId) === listeners) this.listeners.delete(jobId);
    };
  }
}
