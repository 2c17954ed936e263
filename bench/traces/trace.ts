import type { ModelId } from '../../src/contracts/ids.ts';
import type { ClassIndex } from '../../src/worker/scheduler/types.ts';

export interface TraceModel {
  readonly id: ModelId;
  readonly loadMs: number;
  readonly unloadMs: number;
  /** In the unit of the trace's `vram`. */
  readonly vram: number;
  readonly concurrency: number;
  /** Mean; what a job really takes is the job's. */
  readonly serviceMs: number;
}

export interface TraceJob {
  readonly tMs: number;
  readonly model: ModelId;
  readonly class: ClassIndex;
  readonly serviceMs: number;
  /** Whose it is; null: nobody's, and no admission window counts it. */
  readonly key: string | null;
}

/** A day of a house: its models and what was asked of them, in order of time. */
export interface Trace {
  readonly name: string;
  readonly gpus: number;
  /** Memory of each GPU; 0: exactly one resident at a time. */
  readonly vram: number;
  readonly models: readonly TraceModel[];
  readonly jobs: readonly TraceJob[];
}
