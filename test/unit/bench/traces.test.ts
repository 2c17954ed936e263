import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from '../../../bench/traces/compare.ts';
import { openTrace, openTraces } from '../../../bench/traces/generate.ts';
import { abab, checksum, flood, mixed3, starver, zipf8 } from '../../../bench/traces/scenarios.ts';
import { isReached, targets } from '../../../bench/traces/targets.ts';

/** As published with the policy: jobs and checksum of seeds 1, 2, 3. */
const published = [
  [mixed3, [1029, '6d928d00'], [1054, '1c719c3f'], [1078, 'b985422e']],
  [zipf8, [2998, '03faf437'], [2982, '92f8efc7'], [3054, '3f573be8']],
  [abab, [360, '852fc47d'], [360, 'f781f629'], [360, 'caa09e83']],
  [flood, [897, '725eb081'], [865, 'fc99e1ed'], [887, 'e19fbc99']],
  [starver, [10338, 'c2a62918'], [10211, '236e6bdc'], [10340, '6d0d1df5']],
] as const;

for (const [scenario, ...expected] of published)
  test(`${scenario.name} is the published trace`, () => {
    const drawn = [1, 2, 3].map((seed) => scenario(seed));
    assert.deepEqual(
      drawn.map((jobs) => [jobs.length, checksum(jobs)]),
      expected,
    );
  });

test('the first jobs of mixed3 are the published ones', () => {
  const first = mixed3(1).slice(0, 5);
  assert.deepEqual(
    first.map(({ tMs, model, class: jobClass, serviceMs }) => [tMs, model, jobClass, serviceMs]),
    [
      [1121, 0, 0, 29457],
      [6483, 0, 1, 23017],
      [36513, 0, 0, 3389],
      [37714, 0, 0, 28122],
      [48806, 0, 1, 6570],
    ],
  );
});

test('every open trace has jobs of models that it has, in order of time', () => {
  for (const name of openTraces) {
    const { jobs, models } = openTrace(name, 1);
    const ids = new Set(models.map(({ id }) => id));
    assert.ok(jobs.length > 300, name);
    for (const [index, job] of jobs.entries()) {
      assert.ok(ids.has(job.model), name);
      assert.ok(index === 0 || job.tMs >= (jobs[index - 1]?.tMs ?? 0), name);
    }
  }
});

test('a sleeping house has the same jobs and shorter swaps', () => {
  const [cold, sleeping] = [openTrace('zipf8', 3), openTrace('zipf8-s', 3)];
  assert.deepEqual(sleeping.jobs, cold.jobs);
  for (const [index, model] of sleeping.models.entries())
    assert.ok(model.loadMs < (cold.models[index]?.loadMs ?? 0) / 5);
});

test('a trace that there is not is refused, with those that there are', () => {
  assert.throws(() => openTrace('mixed4', 1), /There is no trace "mixed4".*mixed3/);
});

test('the scheduler that ships reaches every target, on the means of seeds 1 to 5', () => {
  const results = Object.fromEntries(
    openTraces
      .filter((name) => targets.some(({ what }) => what.startsWith(`${name}:`)) || name === 'mixed3-s')
      .map((name) => {
        const draws = [1, 2, 3, 4, 5].map((seed) => openTrace(name, seed));
        const variants = ['fifo', 'rent', ...extras(name)];
        return [name, compare(draws, variants, { isBounded: false })];
      }),
  );
  const values = targets.map((target) => ({ target, value: target.valueOf(results) }));
  for (const { target, value } of values) {
    assert.ok(value !== undefined && Number.isFinite(value), `${target.what} was not measured`);
    assert.ok(isReached(target, value, target.must), `${target.what}: ${value}, and must be ${target.must}`);
  }
});

/** What some targets compare with: as few traces as show it, to be quick. */
function extras(name: string): readonly string[] {
  if (name === 'zipf8') return ['rent-one-key', 'rent-priors-0.3', 'rent-priors-3'];
  if (name === 'zipf8-s' || name === 'mixed3-s') return ['rent-priors-0.3'];
  return name === 'flood' ? ['rent-one-key'] : [];
}
