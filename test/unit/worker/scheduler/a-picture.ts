import { schedulerDefaults } from '../../../../src/config/defaults.ts';
import { asModelId } from '../../../../src/contracts/ids.ts';
import type { SchedulerParams } from '../../../../src/contracts/scheduler-params.ts';
import { decide } from '../../../../src/worker/scheduler/decide.ts';
import type {
  ClassIndex,
  GpuPicture,
  ModelPicture,
  ResidentPicture,
} from '../../../../src/worker/scheduler/types.ts';

export const nowMs = 1_800_000_000_000;
export const seconds = (count: number) => count * 1000;

/** A model that loads in 60 s, unloads in 5 s, and takes 10 s for a job, one at a time. Nothing waits. */
export function aModel(id: string, over: Partial<ModelPicture> = {}): ModelPicture {
  return {
    id: asModelId(id),
    n: [0, 0, 0],
    oldest: [-1, -1, -1],
    sumEnq: [0, 0, 0],
    svc: seconds(10),
    conc: 1,
    load: seconds(60),
    unload: seconds(5),
    vram: 0,
    lam: [0, 0, 0],
    lamSlow: [0, 0, 0],
    lastVisit: 0,
    blockedUntil: 0,
    ...over,
  };
}

/** So many jobs of one class, all of which came so long ago. */
export function queueOf(jobClass: ClassIndex, jobs: number, waitedMs: number) {
  const only = (value: number, other: number) =>
    [0, 1, 2].map((each) => (each === jobClass ? value : other)) as [number, number, number];
  const enqueuedAt = nowMs - waitedMs;
  return { n: only(jobs, 0), oldest: only(enqueuedAt, -1), sumEnq: only(jobs * enqueuedAt, 0) };
}

/** Ready for an hour, and idle as long. */
export function aResident(id: string, over: Partial<ResidentPicture> = {}): ResidentPicture {
  const anHourAgo = nowMs - seconds(3600);
  return {
    id: asModelId(id),
    state: 'ready',
    readyAt: anHourAgo,
    inflight: 0,
    youngestStart: 0,
    lastStart: anHourAgo,
    pinned: false,
    softSince: null,
    ...over,
  };
}

export const aGpu = (residents: readonly ResidentPicture[], over: Partial<GpuPicture> = {}): GpuPicture => ({
  vram: 0,
  swapping: false,
  residents,
  ...over,
});

/** What is decided at `nowMs` on these GPUs, with the default parameters but for `over`. */
export const decided = (
  models: readonly ModelPicture[],
  gpus: readonly GpuPicture[],
  over: Partial<SchedulerParams> = {},
) =>
  decide(
    nowMs,
    { models: new Map(models.map((model) => [model.id, model])), gpus },
    { ...schedulerDefaults, ...over },
  );
