import type { ModelId } from '../../src/contracts/ids.ts';
import type { ResidentPicture } from '../../src/worker/scheduler/types.ts';
import { Lane } from './lane.ts';
import type { Trace } from './trace.ts';

/** One model on one GPU. */
export interface Resident {
  readonly lane: Lane;
  state: ResidentPicture['state'];
  readyAtMs: number;
  lastStartMs: number;
  /** When each running job started. */
  readonly starts: number[];
}

/** A change of what is resident, from the decision on. Times are -1 until they are known. */
export interface Swap {
  readonly gpu: number;
  readonly load: ModelId;
  readonly evict: readonly ModelId[];
  readonly reason: string;
  readonly why: string;
  readonly decidedMs: number;
  /** The last running job of the victims is over, and they are unloaded. */
  drainedMs: number;
  readyMs: number;
}

export interface Gpu {
  readonly index: number;
  readonly residents: Map<ModelId, Resident>;
  swap: Swap | null;
}

/** The simulated house at one moment, as policies see it. */
export class House {
  nowMs = 0;
  /** Memory of each GPU; 0: exactly one resident. */
  readonly vram: number;
  readonly lanes: ReadonlyMap<ModelId, Lane>;
  readonly gpus: readonly Gpu[];
  readonly lastVisitMs = new Map<ModelId, number>();

  constructor({ vram, gpus, models }: Pick<Trace, 'vram' | 'gpus' | 'models'>) {
    this.vram = vram;
    this.lanes = new Map(models.map((model) => [model.id, new Lane(model)]));
    this.gpus = Array.from({ length: gpus }, (_, index) => ({ index, residents: new Map(), swap: null }));
  }

  get isAnyWaiting(): boolean {
    for (const lane of this.lanes.values()) if (lane.length > 0) return true;
    return false;
  }

  /** @throws Error for a model that the trace does not have */
  lane(model: ModelId): Lane {
    const lane = this.lanes.get(model);
    if (lane === undefined) throw new Error(`The trace has no model "${model}".`);
    return lane;
  }

  used({ residents }: Gpu): number {
    let used = 0;
    for (const { lane } of residents.values()) used += lane.spec.vram;
    return used;
  }
}
