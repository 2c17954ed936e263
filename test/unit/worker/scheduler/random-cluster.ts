import type {
  ReferenceCluster,
  ReferenceModel,
  ReferenceResident,
} from '../../../fixtures/rent-reference.mjs';

/** A stream of numbers in [0, 1) that a seed determines (mulberry32). */
export type Random = () => number;

export function seeded(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export const nowMs = 1_800_000_000_000;

/** A cluster as it could be found at `nowMs`: cold or asleep, quiet or overloaded, one GPU or several. */
export function randomCluster(random: Random): ReferenceCluster {
  const isShared = random() < 0.5;
  const isQuiet = random() < 0.2;
  const scale = pick(random, [1, 10, 100]);
  const models = Array.from({ length: 1 + whole(random, 9) }, () => randomModel(random, scale, isQuiet));
  const gpus = Array.from({ length: pick(random, [1, 1, 1, 2, 3]) }, () => ({
    vram: isShared ? pick(random, [16_000, 24_000, 48_000]) : 0,
    swapping: random() < 0.08,
    residents: [] as ReferenceResident[],
  }));
  for (const gpu of gpus) fill(random, gpu, models, isQuiet);
  return { models, gpus };
}

function randomModel(random: Random, scale: number, isQuiet: boolean): ReferenceModel {
  const n = triple(() => (isQuiet || random() < 0.55 ? 0 : 1 + whole(random, pick(random, [2, 20, 200]))));
  const longest = pick(random, [400, 20_000, 600_000, 10_000_000]);
  const oldest = triple((each) => (n[each] ? nowMs - whole(random, longest) : -1));
  const svc = scale * (50 + whole(random, 400));
  return {
    n,
    oldest,
    sumEnq: triple((each) => n[each] * (n[each] ? nowMs - (nowMs - oldest[each]) * random() : 0)),
    svc,
    conc: pick(random, [1, 1, 4, 32]),
    load: scale * (20 + whole(random, 1200)),
    unload: scale * whole(random, 100),
    vram: pick(random, [0, 4_000, 6_000, 8_000, 12_000, 24_000]),
    lam: triple(() => (random() < 0.4 ? 0 : (random() * 2) / svc)),
    lamSlow: triple(() => (random() < 0.4 ? 0 : random() / svc)),
    lastVisit: random() < 0.3 ? 0 : nowMs - whole(random, 4_000_000),
    blockedUntil: random() < 0.1 ? nowMs + whole(random, 60_000) : random() < 0.03 ? Infinity : 0,
  };
}

function fill(
  random: Random,
  gpu: { vram: number; residents: ReferenceResident[] },
  models: readonly ReferenceModel[],
  isQuiet: boolean,
): void {
  let free = gpu.vram;
  for (const [id, model] of models.entries()) {
    const fits = gpu.vram ? model.vram <= free : gpu.residents.length === 0;
    if (!fits || random() < 0.35) continue;
    free -= model.vram;
    gpu.residents.push(randomResident(random, id, isQuiet));
  }
}

function randomResident(random: Random, id: number, isQuiet: boolean): ReferenceResident {
  const inflight = isQuiet || random() < 0.5 ? 0 : 1 + whole(random, 8);
  const lastStart = nowMs - whole(random, pick(random, [8_000, 200_000]));
  return {
    id,
    state: random() < 0.95 ? 'ready' : pick(random, ['loading', 'draining']),
    readyAt: nowMs - whole(random, pick(random, [10_000, 1_000_000, 20_000_000])),
    inflight,
    youngestStart: inflight ? lastStart : 0,
    lastStart,
    pinned: random() < 0.05,
    softSince: random() < 0.3 ? nowMs - whole(random, 40_000) : null,
  };
}

const whole = (random: Random, below: number) => Math.floor(random() * below);
const triple = (of: (each: 0 | 1 | 2) => number): [number, number, number] => [of(0), of(1), of(2)];

function pick<T>(random: Random, choices: readonly [T, ...T[]]): T {
  return choices[whole(random, choices.length)] ?? choices[0];
}
