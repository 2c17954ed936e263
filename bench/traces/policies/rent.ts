import { schedulerDefaults } from '../../../src/config/defaults.ts';
import type { ModelId } from '../../../src/contracts/ids.ts';
import type { SchedulerParams } from '../../../src/contracts/scheduler-params.ts';
import { decide as shippedDecide } from '../../../src/worker/scheduler/decide.ts';
import { nextClass } from '../../../src/worker/scheduler/dispatch.ts';
import { Estimates } from '../../../src/worker/scheduler/estimates.ts';
import { takePicture } from '../../../src/worker/scheduler/snapshot.ts';
import type { Decision, Picture, ResidentPicture } from '../../../src/worker/scheduler/types.ts';
import type { Gpu, House } from '../house.ts';
import type { Trace } from '../trace.ts';
import type { Answer, Policy } from './policy.ts';

export interface RentOptions {
  readonly params?: Partial<SchedulerParams>;
  /** What is believed before anything ran, as a multiple of the truth. */
  readonly priors?: { readonly service?: number; readonly load?: number };
  /** Ask again after this much, ms, while jobs wait: as the worker does. */
  readonly tickMs?: number;
  /** Hears every question and its answer. */
  readonly watch?: (nowMs: number, picture: Picture, decision: Decision) => void;
}

/** Service times are believed 50 % too long at first: nobody knows them. */
const priorDefaults = { service: 1.5, load: 1 };
const idleTickMs = 2_000;

/** The scheduler that ships: its `decide`, its estimates, its picture and its order within a lane. */
export function rent(trace: Trace, options: RentOptions = {}): Policy {
  const params = { ...schedulerDefaults, ...options.params };
  const specs = new Map(trace.models.map((model) => [model.id, specOf(model, options.priors)]));
  const estimates = new Estimates(specs);
  const soft = new Map<ModelId, number>();

  const decide = (house: House): Answer => {
    const picture = pictureOf(house, { specs, estimates, soft });
    const decision = shippedDecide(house.nowMs, picture, params);
    options.watch?.(house.nowMs, picture, decision);
    const tickMs = house.isAnyWaiting ? (options.tickMs ?? 1_000) : idleTickMs;
    return follow(house, decision, soft, house.nowMs + tickMs);
  };
  return { next: (_house, lane) => nextClass(lane, params.target), decide, learns: estimates };
}

type Spec = ReturnType<typeof specOf>;

const specOf = (model: Trace['models'][number], priors: RentOptions['priors']) => ({
  id: model.id,
  concurrency: model.concurrency,
  vramMb: model.vram,
  startupTimeMs: model.loadMs * (priors?.load ?? priorDefaults.load),
  serviceTimeMs: model.serviceMs * (priors?.service ?? priorDefaults.service),
});

interface Known {
  readonly specs: ReadonlyMap<ModelId, Spec>;
  readonly estimates: Estimates;
  readonly soft: ReadonlyMap<ModelId, number>;
}

function pictureOf(house: House, { specs, estimates, soft }: Known): Picture {
  const { nowMs, vram, lastVisitMs } = house;
  for (const { model, accepted } of house.lanes.values())
    estimates.observeArrivals(model, [...accepted], nowMs);
  const { models } = takePicture({
    lanes: [...house.lanes.values()],
    residents: [],
    specs,
    estimates,
    gpu: { vramMb: vram },
    blockedUntil: () => 0,
    lastVisit: (model) => lastVisitMs.get(model) ?? 0,
    swapping: false,
  });
  const gpus = house.gpus.map((gpu) => ({
    vram,
    swapping: gpu.swap !== null,
    residents: residentsOf(gpu, soft),
  }));
  return { models, gpus };
}

const residentsOf = ({ residents }: Gpu, soft: ReadonlyMap<ModelId, number>): ResidentPicture[] =>
  [...residents.values()].map(({ lane, state, readyAtMs, starts, lastStartMs }) => ({
    id: lane.model,
    state,
    readyAt: readyAtMs,
    inflight: starts.length,
    youngestStart: starts.at(-1) ?? 0,
    lastStart: lastStartMs,
    pinned: false,
    softSince: soft.get(lane.model) ?? null,
  }));

/** As the worker's loop follows a decision. */
function follow({ nowMs }: House, decision: Decision, soft: Map<ModelId, number>, tickAtMs: number): Answer {
  if (decision.kind === 'swap' && decision.soften) {
    for (const model of decision.evict) if (!soft.has(model)) soft.set(model, nowMs);
    return { askAtMs: tickAtMs };
  }
  soft.clear();
  if (decision.kind === 'swap') return decision;
  return { askAtMs: decision.kind === 'wait' ? Math.min(tickAtMs, decision.until) : tickAtMs };
}
