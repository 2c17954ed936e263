import type { ModelId } from '../../contracts/ids.ts';
import type { ModelSpec } from '../../contracts/model.ts';
import type { LaneCounts } from '../ports.ts';
import type { Estimates } from './estimates.ts';
import type { ModelPicture, Picture, ResidentPicture } from './types.ts';

/** What the scheduler must know of a model; the registry's specs will do. */
export type SchedulableSpec = Pick<ModelSpec, 'id' | 'concurrency' | 'vramMb'>;

/** What a worker with one GPU knows. All times are epoch ms, on the clock that gives `decide` its `now`. */
export interface SnapshotFacts {
  readonly lanes: readonly LaneCounts[];
  readonly residents: readonly ResidentPicture[];
  /** Their order breaks ties. */
  readonly specs: ReadonlyMap<ModelId, SchedulableSpec>;
  readonly estimates: Estimates;
  /** 0: exactly one resident at a time. */
  readonly gpu: { readonly vramMb: number };
  /** 0: at any time. */
  readonly blockedUntil: (model: ModelId) => number;
  /** Its next load is a wake; absent: no model's is. */
  readonly sleeps?: (model: ModelId) => boolean;
  /** When its last eviction began; 0: never. */
  readonly lastVisit: (model: ModelId) => number;
  readonly swapping: boolean;
}

/** The facts as `decide` sees them. Paused models want nothing; lanes of models without a spec are left out. */
export function takePicture(facts: SnapshotFacts): Picture {
  const lanes = new Map(facts.lanes.map((lane) => [lane.model, lane]));
  const models = [...facts.specs.values()].map((spec) => pictureOf(facts, spec, lanes.get(spec.id)));
  const { gpu, swapping, residents } = facts;
  return {
    models: new Map(models.map((model) => [model.id, model])),
    gpus: [{ vram: gpu.vramMb, swapping, residents }],
  };
}

function pictureOf(facts: SnapshotFacts, spec: SchedulableSpec, lane: LaneCounts | undefined): ModelPicture {
  const { id, concurrency, vramMb } = spec;
  const { loadMs, unloadMs, serviceMs, lam, lamSlow } = facts.estimates.of(
    id,
    facts.sleeps?.(id) ? 'asleep' : 'cold',
  );
  return {
    id,
    ...demandOf(lane),
    svc: serviceMs,
    conc: concurrency,
    load: loadMs,
    unload: unloadMs,
    vram: vramMb,
    lam,
    lamSlow,
    lastVisit: facts.lastVisit(id),
    blockedUntil: lane?.paused ? Infinity : facts.blockedUntil(id),
  };
}

function demandOf(lane: LaneCounts | undefined): Pick<ModelPicture, 'n' | 'oldest' | 'sumEnq'> {
  if (lane === undefined || lane.paused) return { n: [0, 0, 0], oldest: [-1, -1, -1], sumEnq: [0, 0, 0] };
  return { n: lane.waiting, oldest: lane.oldest, sumEnq: lane.sumEnqueued };
}
