import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rent } from '../../../bench/traces/policies/rent.ts';
import { simulate } from '../../../bench/traces/simulate.ts';
import type { Trace } from '../../../bench/traces/trace.ts';
import { schedulerDefaults } from '../../../src/config/defaults.ts';
import { asModelId, type ModelId } from '../../../src/contracts/ids.ts';
import type { SchedulerParams } from '../../../src/contracts/scheduler-params.ts';
import type { ClassIndex, ModelPicture, Picture } from '../../../src/worker/scheduler/types.ts';
import { randomHouse } from './random-house.ts';

const houses = 300;
const tickMs = 5_000;
const classes: readonly ClassIndex[] = [0, 1, 2];

/** What a house did with one set of parameters, against what is guaranteed for the shipped ones. */
interface Findings {
  /** Loads of a model with waiting jobs. */
  readonly loads: number;
  /** A swap to a model began later than the starvation bound allows. */
  readonly starved: number;
  /** A resident with work waiting had to leave before its quantum was over. */
  readonly thrashed: number;
  readonly worstShare: number;
}

function findingsOf(params: Partial<SchedulerParams>, count: number): Findings {
  let [loads, starved, thrashed, worstShare] = [0, 0, 0, 0];
  for (let seed = 1; seed <= count; seed++) {
    const trace = randomHouse(seed);
    const longest = longestJobs(trace);
    const rounds: { atMs: number; roundMs: number }[] = [];
    const policy = rent(trace, {
      params,
      tickMs,
      watch: (nowMs, picture, decision) => {
        rounds.push({ atMs: nowMs, roundMs: fullRound(picture) });
        if (decision.kind !== 'swap' || decision.soften) return;
        if (decision.evict.some((id) => !hadItsQuantum(nowMs, picture, id, decision.load))) thrashed++;
        const model = modelOf(picture, decision.load);
        for (const each of classes) {
          if (!model.n[each]) continue;
          loads++;
          const sinceMs = Math.max(model.oldest[each], model.lastVisit);
          const roundMs = rounds.reduce(
            (most, r) => (r.atMs < sinceMs ? most : Math.max(most, r.roundMs)),
            0,
          );
          const share = (nowMs - sinceMs) / starvationBound(picture, model.id, each, roundMs, longest);
          worstShare = Math.max(worstShare, share);
          if (share > 1) starved++;
        }
      },
    });
    simulate(trace, policy);
  }
  return { loads, starved, thrashed, worstShare };
}

/** From the later of its coming and the model's last eviction, a job sees the swap to its model begin within so long. */
function starvationBound(
  { models }: Picture,
  id: ModelId,
  jobClass: ClassIndex,
  roundMs: number,
  longest: ReadonlyMap<ModelId, number>,
): number {
  const { maxWait, phi, kappa, softCap } = schedulerDefaults;
  const all = [...models.values()];
  const longestSwap = Math.max(...all.map((each) => each.load + each.unload));
  const roundTrip = 2 * longestSwap;
  const leaveAndLoad = (each: ModelPicture) => (longest.get(each.id) ?? 0) + each.unload + each.load;
  let bound = Math.max(maxWait[jobClass], phi * roundMs);
  bound += (kappa[jobClass] + kappa[0]) * roundTrip + Math.max(...all.map(leaveAndLoad));
  for (const each of all) if (each.id !== id) bound += kappa[0] * roundTrip + softCap + leaveAndLoad(each);
  return bound + (all.length + 2) * tickMs;
}

/** Every model that waits or is resident, served once, each for at most its largest quantum. */
function fullRound({ models, gpus }: Picture): number {
  const residents = new Set(gpus.flatMap((gpu) => gpu.residents.map(({ id }) => id)));
  let total = 0;
  for (const { id, n, svc, conc, load, unload } of models.values()) {
    const waiting = n[0] + n[1] + n[2];
    if (waiting === 0 && !residents.has(id)) continue;
    const workMs = waiting === 0 ? 0 : svc * Math.max(1, waiting / conc);
    total += load + unload + Math.min(workMs, schedulerDefaults.kappa[2] * (load + unload));
  }
  return total;
}

function hadItsQuantum(nowMs: number, picture: Picture, victim: ModelId, load: ModelId): boolean {
  const [leaving, coming] = [modelOf(picture, victim), modelOf(picture, load)];
  const resident = picture.gpus.flatMap(({ residents }) => residents).find(({ id }) => id === victim);
  const roundTrip = leaving.load + leaving.unload + coming.load + coming.unload;
  if (leaving.n.every((waiting) => waiting === 0)) return true;
  return nowMs - (resident?.readyAt ?? nowMs) >= schedulerDefaults.kappa[0] * roundTrip - 1;
}

function modelOf({ models }: Picture, id: ModelId): ModelPicture {
  const model = models.get(id);
  assert.ok(model);
  return model;
}

function longestJobs({ jobs }: Trace): ReadonlyMap<ModelId, number> {
  const longest = new Map<ModelId, number>();
  for (const { model, serviceMs } of jobs) longest.set(model, Math.max(longest.get(model) ?? 0, serviceMs));
  return longest;
}

test(`in ${houses} random houses nobody starves, and nobody leaves before its quantum`, (t) => {
  const { loads, starved, thrashed, worstShare } = findingsOf({}, houses);
  t.diagnostic(`${loads} loads, the longest wait ${Math.round(100 * worstShare)} % of its bound`);
  assert.ok(loads > 5_000, `only ${loads} loads were looked at`);
  assert.deepEqual({ starved, thrashed }, { starved: 0, thrashed: 0 });
});

test('without the guard somebody starves', () => {
  assert.ok(findingsOf({ guard: false }, 60).starved > 0);
});

test('without the quantum residents leave too soon', () => {
  assert.ok(findingsOf({ kappa: [0, 0, 0] }, 10).thrashed > 0);
});

/** Four models of which each alone could keep the GPU busy for longer than the test looks. */
function saturated(jobClass: ClassIndex): Trace {
  const models = ['a', 'b', 'c', 'd'].map((id) => ({
    ...{ id: asModelId(id), loadMs: 60_000, unloadMs: 3_000 },
    ...{ vram: 0, concurrency: 1, serviceMs: 10_000 },
  }));
  const jobs = Array.from({ length: 6_000 }, (_, index) => ({
    ...{ tMs: 1_000 * Math.floor(index / 2), model: models[index % 4]?.id ?? asModelId('a') },
    ...{ class: jobClass, serviceMs: 10_000, key: null },
  }));
  return { name: 'saturated', gpus: 1, vram: 0, models, jobs };
}

/** Share of the first four hours that went to unloading and loading. */
function swapShare(trace: Trace, params: Partial<SchedulerParams>): number {
  const hoursMs = 4 * 3_600_000;
  const clipped = (ms: number) => Math.min(ms, hoursMs);
  const { swaps } = simulate(trace, rent(trace, { params, tickMs }));
  return swaps.reduce((sum, each) => sum + clipped(each.readyMs) - clipped(each.drainedMs), 0) / hoursMs;
}

for (const jobClass of classes)
  test(`when everything waits for everything (class ${jobClass}), at most a fifth of the time is swapping`, () => {
    const share = swapShare(saturated(jobClass), {});
    assert.ok(share > 0.02 && share <= 0.2, `it is ${share}`);
  });

test('without the quantum most of the time is swapping', () => {
  const share = swapShare(saturated(0), { kappa: [0, 0, 0], maxWait: [1, 1, 1], phi: 0 });
  assert.ok(share > 0.5, `it is ${share}`);
});
