import type { ModelId } from '../../../src/contracts/ids.ts';
import type { Estimates } from '../../../src/worker/scheduler/estimates.ts';
import type { ClassIndex } from '../../../src/worker/scheduler/types.ts';
import type { House } from '../house.ts';
import type { Lane } from '../lane.ts';
import type { Trace } from '../trace.ts';

/** Load a model on a GPU after evicting others, or be asked again at a time (Infinity: with the next event). */
export type Answer =
  | {
      readonly gpu: number;
      readonly load: ModelId;
      readonly evict: readonly ModelId[];
      readonly reason: string;
      readonly why: string;
    }
  | { readonly askAtMs: number };

/** What decides in a simulated house. */
export interface Policy {
  /** Which class of a ready model starts a job now; null: none may. */
  next(house: House, lane: Lane): ClassIndex | null;
  /** Asked after every event, and at the time it asked for, while at least one GPU is not in a swap. */
  decide(house: House): Answer;
  /** Hears how long things took. */
  readonly learns?: Pick<Estimates, 'loadTook' | 'unloadTook' | 'jobTook'>;
}

export type MakePolicy = (trace: Trace) => Policy;

export const withTheNextEvent: Answer = { askAtMs: Infinity };
