import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asModelId } from '../../../../src/contracts/ids.ts';
import { Estimates } from '../../../../src/worker/scheduler/estimates.ts';

const a = asModelId('a');
const b = asModelId('b');
const priors = new Map([
  [a, { startupTimeMs: 60_000, serviceTimeMs: 10_000 }],
  [b, { startupTimeMs: 1, serviceTimeMs: 9e9 }],
]);
const minute = 60_000;
const t0 = 1_800_000_000_000;

const saved = (estimates: Estimates): unknown => JSON.parse(JSON.stringify(estimates));
const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.abs(expected), `${actual} is not ${expected}`);

test('before anything ran, the registry is believed', () => {
  assert.deepEqual(new Estimates(priors).of(a), {
    loadMs: 60_000,
    unloadMs: 3_000,
    serviceMs: 10_000,
    lam: [0, 0, 0],
    lamSlow: [0, 0, 0],
  });
});

test('each load moves its estimate by three tenths, each job by one', () => {
  const estimates = new Estimates(priors);
  estimates.loadTook(a, 20_000);
  estimates.unloadTook(a, 1_000);
  estimates.jobTook(a, 20_000);
  const { loadMs, unloadMs, serviceMs } = estimates.of(a);
  near(loadMs, 48_000);
  near(unloadMs, 2_400);
  near(serviceMs, 11_000);
});

test('absurd times are clamped, whoever gives them', () => {
  const estimates = new Estimates(priors);
  assert.partialDeepStrictEqual(estimates.of(b), { loadMs: 100, serviceMs: 3_600_000 });
  estimates.loadTook(a, 1e12);
  near(estimates.of(a).loadMs, 60_000 + 0.3 * (1_800_000 - 60_000));
});

test('times that are no times teach nothing', () => {
  const estimates = new Estimates(priors);
  for (const ms of [Number.NaN, Infinity, -1]) estimates.loadTook(a, ms);
  assert.equal(estimates.of(a).loadMs, 60_000);
});

test('the first look at the counters counts nothing', () => {
  const estimates = new Estimates(priors);
  estimates.observeArrivals(a, [1_000, 1_000, 1_000], t0);
  assert.deepEqual(estimates.of(a).lam, [0, 0, 0]);
});

test('steady arrivals are learned as their rate, however often one looks', () => {
  for (const everyMs of [1_000, 17_000, 10 * minute]) {
    const estimates = new Estimates(priors);
    for (let ms = 0; ms <= 600 * minute; ms += everyMs)
      estimates.observeArrivals(a, [ms / 1_000, 0, 0], t0 + ms);
    const { lam, lamSlow } = estimates.of(a);
    assert.ok(Math.abs(lam[0] * 1_000 - 1) < 1e-3, `${lam[0]} per ms, looking every ${everyMs} ms`);
    assert.ok(Math.abs(lamSlow[0] * 1_000 - 1) < 1e-3, `${lamSlow[0]} per ms, looking every ${everyMs} ms`);
    assert.deepEqual(lam.slice(1), [0, 0]);
  }
});

test('when nothing comes any more the rates decay, over five minutes and over an hour', () => {
  const estimates = new Estimates(priors);
  estimates.observeArrivals(a, [0, 0, 0], t0);
  estimates.observeArrivals(a, [0, 6, 0], t0);
  near(estimates.of(a).lam[1], 6 / (5 * minute));
  estimates.observeArrivals(a, [0, 6, 0], t0 + 5 * minute);
  const { lam, lamSlow } = estimates.of(a);
  near(lam[1], 6 / (5 * minute) / Math.E);
  near(lamSlow[1], (6 / (60 * minute)) * Math.exp(-1 / 12));
});

test('counters that began anew and a clock that went back count nothing', () => {
  const estimates = new Estimates(priors);
  estimates.observeArrivals(a, [100, 0, 0], t0);
  estimates.observeArrivals(a, [3, 0, 0], t0 - minute);
  assert.deepEqual(estimates.of(a).lam, [0, 0, 0]);
  estimates.observeArrivals(a, [4, 0, 0], t0 - minute);
  near(estimates.of(a).lam[0], 1 / (5 * minute));
});

test('what was learned is there again after saving', () => {
  const estimates = new Estimates(priors);
  estimates.loadTook(a, 20_000);
  estimates.observeArrivals(a, [0, 0, 0], t0);
  estimates.observeArrivals(a, [5, 0, 0], t0 + minute);
  const again = Estimates.parse(saved(estimates), priors);
  assert.deepEqual(again.of(a), estimates.of(a));
  again.observeArrivals(a, [6, 0, 0], t0 + minute);
  near(again.of(a).lam[0], estimates.of(a).lam[0] + 1 / (5 * minute));
});

test('a prior that was changed holds for what was never measured', () => {
  const estimates = new Estimates(priors);
  estimates.jobTook(a, 10_000);
  const changed = new Map([[a, { startupTimeMs: 5_000, serviceTimeMs: 1 }]]);
  assert.partialDeepStrictEqual(Estimates.parse(saved(estimates), changed).of(a), {
    loadMs: 5_000,
    serviceMs: 10_000,
  });
});

test('what cannot be read of saved estimates is forgotten, and nothing else', () => {
  const estimates = new Estimates(priors);
  estimates.loadTook(a, 20_000);
  estimates.jobTook(a, 20_000);
  const file = JSON.parse(JSON.stringify(estimates));
  file.models.gone = file.models.a;
  file.models.b = 'broken';
  file.models.a.serviceMs = 'broken';
  const again = Estimates.parse(file, priors);
  assert.partialDeepStrictEqual(again.of(a), { loadMs: 48_000, serviceMs: 10_000 });
  assert.deepEqual(Object.keys(again.toJSON().models), ['a']);
  for (const broken of [null, undefined, 7, 'x', [], {}, { version: 2, models: {} }])
    assert.equal(Estimates.parse(broken, priors).of(a).loadMs, 60_000);
});

test('a model that the registry does not have is a mistake of the caller', () => {
  assert.throws(() => new Estimates(priors).of(asModelId('c')), /no model "c"/);
});
