import type { ModelId } from '../contracts/ids.ts';
import type { ResidentPicture } from './scheduler/types.ts';

interface Visit {
  state: 'ready' | 'loading' | 'draining';
  readyAtMs: number;
  lastStartMs: number;
  softSinceMs: number | null;
  readonly starts: Set<{ readonly atMs: number }>;
}

/** One job on a resident. Calling it ends it. */
export type Slot = () => void;

/**
 * Which models are on the turntable and what they work on: the worker's own books, written by the GPU loop alone.
 * Draining is one-way.
 */
export class Residents {
  private readonly visits = new Map<ModelId, Visit>();
  private readonly idleWaits = new Map<ModelId, (() => void)[]>();
  private readonly lastVisits = new Map<ModelId, number>();

  get models(): readonly ModelId[] {
    return [...this.visits.keys()];
  }

  has(model: ModelId): boolean {
    return this.visits.has(model);
  }

  isReady(model: ModelId): boolean {
    return this.visits.get(model)?.state === 'ready';
  }

  isDraining(model: ModelId): boolean {
    return this.visits.get(model)?.state === 'draining';
  }

  inFlight(model: ModelId): number {
    return this.visits.get(model)?.starts.size ?? 0;
  }

  /** When the model's last eviction began; 0 for one that was never evicted. */
  lastVisit(model: ModelId): number {
    return this.lastVisits.get(model) ?? 0;
  }

  beginLoad(model: ModelId, nowMs: number): void {
    const visit = {
      readyAtMs: nowMs,
      lastStartMs: nowMs,
      softSinceMs: null,
      starts: new Set<{ atMs: number }>(),
    };
    this.visits.set(model, { state: 'loading', ...visit });
  }

  becomeReady(model: ModelId, nowMs: number): void {
    const visit = this.visits.get(model);
    if (visit?.state === 'loading')
      Object.assign(visit, { state: 'ready', readyAtMs: nowMs, lastStartMs: nowMs });
  }

  /** Its gate is closed: from here on it starts nothing. */
  drain(model: ModelId, nowMs: number): void {
    const visit = this.visits.get(model);
    if (!visit) return;
    visit.state = 'draining';
    this.lastVisits.set(model, nowMs);
  }

  /** A swap waits for a gap in the model's work, from the first time it was asked to. */
  soften(model: ModelId, nowMs: number): void {
    const visit = this.visits.get(model);
    if (visit) visit.softSinceMs ??= nowMs;
  }

  harden(): void {
    for (const visit of this.visits.values()) visit.softSinceMs = null;
  }

  leave(model: ModelId): void {
    this.visits.delete(model);
    this.tellIdle(model);
  }

  start(model: ModelId, nowMs: number): Slot {
    const visit = this.visits.get(model);
    if (!visit) return () => {};
    const job = { atMs: nowMs };
    visit.starts.add(job);
    visit.lastStartMs = nowMs;
    return () => {
      visit.starts.delete(job);
      if (visit.starts.size === 0 && this.visits.get(model) === visit) this.tellIdle(model);
    };
  }

  /** Resolves when nothing runs on the model any more. */
  untilIdle(model: ModelId): Promise<void> {
    if (this.inFlight(model) === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.idleWaits.set(model, [...(this.idleWaits.get(model) ?? []), resolve]);
    });
  }

  pictures(isPinned: (model: ModelId) => boolean): readonly ResidentPicture[] {
    return [...this.visits].map(([id, { state, readyAtMs, lastStartMs, softSinceMs, starts }]) => ({
      id,
      state,
      readyAt: readyAtMs,
      inflight: starts.size,
      youngestStart: Math.max(0, ...[...starts].map(({ atMs }) => atMs)),
      lastStart: lastStartMs,
      pinned: isPinned(id),
      softSince: softSinceMs,
    }));
  }

  private tellIdle(model: ModelId): void {
    const waits = this.idleWaits.get(model) ?? [];
    this.idleWaits.delete(model);
    for (const resolve of waits) resolve();
  }
}
