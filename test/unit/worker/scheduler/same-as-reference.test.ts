import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schedulerDefaults } from '../../../../src/config/defaults.ts';
import { asModelId } from '../../../../src/contracts/ids.ts';
import type { SchedulerParams } from '../../../../src/contracts/scheduler-params.ts';
import { decide } from '../../../../src/worker/scheduler/decide.ts';
import type { Decision, Picture } from '../../../../src/worker/scheduler/types.ts';
import {
  type ReferenceCluster,
  type ReferenceDecision,
  decide as referenceDecide,
} from '../../../fixtures/rent-reference.mjs';
import { nowMs, randomCluster, seeded } from './random-cluster.ts';

const clusters = 6_000;
const variants: readonly SchedulerParams[] = [
  schedulerDefaults,
  { ...schedulerDefaults, kappa: [0.5, 1, 2], beta: 0.05, phi: 1 },
  { ...schedulerDefaults, guard: false },
  { ...schedulerDefaults, spec: false, soft: 0, settle: 0 },
];

test(`on ${clusters} random clusters it decides what the measured policy decided`, () => {
  const seen = new Map<string, number>();
  for (let seed = 1; seed <= clusters; seed++) {
    const cluster = randomCluster(seeded(seed));
    const params = variants[seed % variants.length] ?? schedulerDefaults;
    const expected = sameShape(referenceDecide(nowMs, cluster, params));
    const decision = decide(nowMs, pictureOf(cluster), params);
    assert.deepEqual(withoutWhy(decision), expected, `seed ${seed}`);
    const kind = kindOf(decision);
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
  }
  for (const kind of [
    'nothing',
    'wait',
    'rent-paid',
    'rent-paid softly',
    'overdue',
    'overdue softly',
    'speculative',
  ])
    assert.ok((seen.get(kind) ?? 0) >= 20, `${kind}: seen ${seen.get(kind) ?? 0} times only`);
});

test('the same picture gets the same decision, and stays as it was', () => {
  for (let seed = 1; seed <= 500; seed++) {
    const picture = deeplyFrozen(pictureOf(randomCluster(seeded(seed))));
    const first = decide(nowMs, picture, schedulerDefaults);
    const again = decide(nowMs, pictureOf(randomCluster(seeded(seed))), schedulerDefaults);
    assert.deepEqual(decide(nowMs, picture, schedulerDefaults), first);
    assert.deepEqual(again, first);
  }
});

function pictureOf({ models, gpus }: ReferenceCluster): Picture {
  const named = models.map((model, index) => ({ ...model, id: nameOf(index) }));
  return {
    models: new Map(named.map((model) => [model.id, model])),
    gpus: gpus.map((gpu) => ({
      ...gpu,
      residents: gpu.residents.map((each) => ({ ...each, id: nameOf(each.id) })),
    })),
  };
}

function sameShape(decision: ReferenceDecision) {
  if (decision === null) return { kind: 'nothing' };
  if ('wait' in decision) return { kind: 'wait', until: decision.wait };
  const { gpu, load, evict, reason, soften = false } = decision;
  return { kind: 'swap', gpu, load: nameOf(load), evict: evict.map(nameOf), reason, soften };
}

function withoutWhy(decision: Decision) {
  if (decision.kind !== 'swap') return decision;
  const { why, ...rest } = decision;
  assert.match(why, /\w/);
  assert.doesNotMatch(why, /NaN|undefined|Infinity/);
  return rest;
}

const kindOf = (decision: Decision) =>
  decision.kind === 'swap' ? `${decision.reason}${decision.soften ? ' softly' : ''}` : decision.kind;

const nameOf = (index: number) => asModelId(`model-${index}`);

function deeplyFrozen(picture: Picture): Picture {
  const freeze = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    Object.freeze(value);
    for (const each of value instanceof Map ? value.values() : Object.values(value)) freeze(each);
  };
  freeze(picture);
  return picture;
}
