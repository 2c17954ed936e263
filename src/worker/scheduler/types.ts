import type { ModelId } from '../../contracts/ids.ts';

/** One number per class: interactive, normal, batch. */
export type Triple = readonly [number, number, number];
export type ClassIndex = 0 | 1 | 2;

/** One model as `decide` sees it. Times are ms on the clock of `now`, rates are jobs per ms. */
export interface ModelPicture {
  readonly id: ModelId;
  /** Waiting jobs. */
  readonly n: Triple;
  /** Enqueue time of the oldest waiting job; -1 without one. */
  readonly oldest: Triple;
  /** Sum of the enqueue times of the waiting jobs. */
  readonly sumEnq: Triple;
  /** Learned service time of one job. */
  readonly svc: number;
  /** Jobs that its server serves at once. */
  readonly conc: number;
  readonly load: number;
  readonly unload: number;
  /** GPU memory in MB. */
  readonly vram: number;
  /** Arrival rates, over about 5 minutes and about 1 hour. */
  readonly lam: Triple;
  readonly lamSlow: Triple;
  /** When its last eviction began. */
  readonly lastVisit: number;
  /** Not to be loaded before this time; Infinity while it is paused. */
  readonly blockedUntil: number;
}

export interface ResidentPicture {
  readonly id: ModelId;
  readonly state: 'ready' | 'loading' | 'draining';
  readonly readyAt: number;
  readonly inflight: number;
  readonly youngestStart: number;
  readonly lastStart: number;
  readonly pinned: boolean;
  /** Since when a swap waits for a natural gap in its work; null: none does. */
  readonly softSince: number | null;
}

export interface GpuPicture {
  /** Memory in MB that models share; 0: exactly one resident. */
  readonly vram: number;
  readonly swapping: boolean;
  readonly residents: readonly ResidentPicture[];
}

/** All that `decide` knows. The order of `models` breaks ties. */
export interface Picture {
  readonly models: ReadonlyMap<ModelId, ModelPicture>;
  readonly gpus: readonly GpuPicture[];
}

export type SwapReason = 'rent-paid' | 'overdue' | 'speculative';

/** `wait`: ask again at `until`. `soften`: keep admitting on the victims, and ask again. */
export type Decision =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'wait'; readonly until: number }
  | {
      readonly kind: 'swap';
      readonly gpu: number;
      readonly load: ModelId;
      readonly evict: readonly ModelId[];
      readonly reason: SwapReason;
      readonly soften: boolean;
      /** The numbers behind it, in a sentence for people. */
      readonly why: string;
    };
