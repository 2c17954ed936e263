import type { EventOf, RoundhouseEvent } from '../../src/contracts/events.ts';
import type { ModelId } from '../../src/contracts/ids.ts';
import { monotonicMs } from '../lib/latency.ts';
import type { Trace, TraceModel } from '../traces/trace.ts';
import { RealCost } from './real-cost.ts';

/** From ready to known to be ready, real ms: more is a busy machine, or a start that took longer than the whole load. */
const mostCostMs = 10;

/**
 * When the load under way would have begun had the unload before it taken just as long as the trace says. From here on
 * the stand-in counts its load, so that launchers, interpreters and signals cost nothing extra for as long as the load
 * is longer than they are; what comes after the load is known from earlier swaps, and taken off as well.
 */
export class LoadBegan {
  readonly cost = new RealCost();
  /** On the clock that all processes share, ms; read when a stand-in is started. */
  atMs = 0;
  private readonly models: ReadonlyMap<ModelId, TraceModel>;
  private readonly factor: number;
  private unloadedAtMs: number | null = null;
  private takenOffMs = 0;

  constructor(trace: Trace, factor: number) {
    this.models = new Map(trace.models.map((model) => [model.id, model]));
    this.factor = factor;
  }

  readonly hear = (event: RoundhouseEvent): void => {
    if (event.type === 'swap.finished') this.learn(event);
    else if (event.type === 'model.state-changed' && event.to === 'stopping') this.unloading(event.model);
    else if (event.type === 'model.state-changed' && event.to === 'starting') this.starting();
  };

  private unloading(model: ModelId): void {
    const dueMs = monotonicMs() + this.timesOf(model).unloadMs / this.factor;
    this.unloadedAtMs = Math.max(this.unloadedAtMs ?? 0, dueMs);
  }

  private starting(): void {
    this.takenOffMs = this.cost.ms;
    this.atMs = (this.unloadedAtMs ?? monotonicMs()) - this.takenOffMs / this.factor;
    this.unloadedAtMs = null;
  }

  private learn({ load, evicted, unloadMs, loadMs }: EventOf<'swap.finished'>): void {
    const unloadDueMs = Math.max(0, ...evicted.map((model) => this.timesOf(model).unloadMs));
    const dueMs = unloadDueMs + this.timesOf(load).loadMs;
    const costMs = unloadMs + loadMs - dueMs + this.takenOffMs;
    this.cost.learn(Math.min(costMs, mostCostMs * this.factor));
  }

  private timesOf(model: ModelId): TraceModel {
    const found = this.models.get(model);
    if (found === undefined) throw new RangeError(`The trace has no model "${model}".`);
    return found;
  }
}
