import { errors } from '../contracts/error-catalogue.ts';
import type { ModelId } from '../contracts/ids.ts';
import type { LoadFailures } from './load-failures.ts';
import type { LaneCounts, Lanes } from './ports.ts';

export interface RefusalsOptions {
  readonly lanes: Pick<Lanes, 'failWaiting'>;
  readonly failures: LoadFailures;
}

/** Tells those who wait for what will not come: a model that does not start, or is no longer there. */
export class Refusals {
  private readonly options: RefusalsOptions;
  private known: ReadonlySet<ModelId>;
  /** What waited and had ever come when a model's waiting jobs were last refused: unchanged, none are left. */
  private readonly refusedAt = new Map<ModelId, string>();

  /** @param known models that an earlier registry had, too */
  constructor(options: RefusalsOptions, known: ReadonlySet<ModelId>) {
    this.options = options;
    this.known = known;
  }

  /** Fails sync jobs of models that failed to start more than once, until their next try; others keep their place. */
  async ofUnstartable(counts: readonly LaneCounts[], nowMs: number): Promise<void> {
    const { lanes, failures } = this.options;
    for (const { model, waiting, accepted, joined } of counts) {
      const error = failures.refusal(model, nowMs);
      const state = `${failures.count(model)}:${accepted}:${joined}:${waiting}`;
      if (error === null || waiting.every((n) => n === 0) || this.refusedAt.get(model) === state) continue;
      await lanes.failWaiting(model, error, 'sync');
      this.refusedAt.set(model, state);
    }
  }

  /** Fails every waiting job of models that the registry had before, and has no more. */
  async ofRemoved(models: ReadonlyMap<ModelId, unknown>): Promise<void> {
    const removed = [...this.known].filter((model) => !models.has(model));
    for (const model of removed) {
      await this.options.lanes.failWaiting(model, errors.modelRemoved(model).toBody(), 'all');
    }
    if (removed.length > 0 || models.size !== this.known.size) this.known = new Set(models.keys());
  }
}
