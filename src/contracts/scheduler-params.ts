/** Parameters of the RENT policy; an index of a triple is a class: interactive, normal, batch. All times in ms. */
export interface SchedulerParams {
  /** A wait of `target[c]` costs one unit of pain. */
  readonly target: readonly [number, number, number];
  /** Starvation bound per class, never promised below `phi` full cycles. */
  readonly maxWait: readonly [number, number, number];
  readonly phi: number;
  /** A backlogged resident is kept for at least `kappa[class of the challenger]` round-trip swap times. */
  readonly kappa: readonly [number, number, number];
  /** Swap when the pain suffered reaches this share of the pain the swap inflicts. */
  readonly beta: number;
  /** Soft drain window: `min(soft * service time, softCap)`. */
  readonly soft: number;
  readonly softCap: number;
  /** Let a burst settle: no load for a queue younger than `min(settle * load, settleCap)`. */
  readonly settle: number;
  readonly settleCap: number;
  /** Speculative load after this much total idleness, if worth `specMargin` times what it evicts. */
  readonly specIdle: number;
  readonly specMargin: number;
  readonly guard: boolean;
  readonly spec: boolean;
}
