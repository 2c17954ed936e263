import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Decision, ModelPicture, ResidentPicture } from '../../../../src/worker/scheduler/types.ts';
import { aGpu, aModel, aResident, decided, nowMs, queueOf, seconds } from './a-picture.ts';

const nothing: Decision = { kind: 'nothing' };
const backlog = queueOf(1, 20, seconds(60));

const oneGpu = (models: readonly ModelPicture[], ...residents: readonly ResidentPicture[]) =>
  decided(models, [aGpu(residents)]);

test('without jobs and without arrivals it does nothing', () => {
  assert.deepEqual(oneGpu([aModel('a'), aModel('b')], aResident('a')), nothing);
});

test('what waits for the resident model alone needs no swap', () => {
  assert.deepEqual(oneGpu([aModel('a', backlog), aModel('b')], aResident('a')), nothing);
});

test('on an empty GPU the first job that has settled loads its model', () => {
  const decision = oneGpu([aModel('a'), aModel('b', queueOf(1, 1, seconds(1)))]);
  assert.partialDeepStrictEqual(decision, { kind: 'swap', gpu: 0, load: 'b', evict: [], soften: false });
});

test('a burst settles for a share of the load time before a model is chosen', () => {
  const decision = oneGpu([aModel('a', queueOf(1, 1, 100))]);
  assert.deepEqual(decision, { kind: 'wait', until: nowMs - 100 + 300 });
});

test('a burst settles for the cap at most', () => {
  const decision = oneGpu([aModel('a', { ...queueOf(1, 1, 100), load: seconds(1000) })]);
  assert.deepEqual(decision, { kind: 'wait', until: nowMs - 100 + 500 });
});

test('on an empty GPU the queue that ends the most pain per second of work goes first', () => {
  const decision = oneGpu([
    aModel('a', queueOf(1, 3, seconds(20))),
    aModel('b', queueOf(0, 3, seconds(1))),
    aModel('c', queueOf(2, 3, seconds(20))),
  ]);
  assert.partialDeepStrictEqual(decision, { load: 'b' });
});

test('an idle resident without a queue or arrivals gives way at once', () => {
  const decision = oneGpu([aModel('a'), aModel('b', queueOf(1, 1, seconds(2)))], aResident('a'));
  assert.partialDeepStrictEqual(decision, {
    kind: 'swap',
    load: 'b',
    evict: ['a'],
    reason: 'rent-paid',
    soften: false,
  });
});

test('a resident that expects arrivals stays until the rent is paid, then leaves', () => {
  const hot = aModel('a', { lam: [0.00002, 0, 0] });
  const after = (waitedMs: number) => oneGpu([hot, aModel('b', queueOf(1, 1, waitedMs))], aResident('a'));
  assert.deepEqual(after(seconds(300)), nothing);
  const paid = after(seconds(600));
  assert.partialDeepStrictEqual(paid, { load: 'b', evict: ['a'], reason: 'rent-paid' });
  assert.match(paid.kind === 'swap' ? paid.why : '', /^waiting of 2\.0 units paid against 5\.6 inflicted$/);
});

test('a backlogged resident is kept for its quantum', () => {
  const models = [aModel('a', queueOf(1, 1, 500)), aModel('b', queueOf(0, 40, seconds(60)))];
  const readyFor = (ms: number) => oneGpu(models, aResident('a', { readyAt: nowMs - ms }));
  assert.deepEqual(readyFor(seconds(259)), nothing, 'kappa 2 of a round trip of 130 s');
  assert.partialDeepStrictEqual(readyFor(seconds(260)), { kind: 'swap', load: 'b', reason: 'rent-paid' });
});

test('the less urgent the challenger, the longer the quantum', () => {
  const victim = aModel('a', { ...queueOf(2, 1, 500), svc: seconds(20) });
  const against = (jobClass: 1 | 2, ms: number) =>
    oneGpu(
      [victim, aModel('b', queueOf(jobClass, 40, seconds(600)))],
      aResident('a', { readyAt: nowMs - ms }),
    );
  assert.equal(against(1, seconds(519)).kind, 'nothing');
  assert.equal(against(1, seconds(520)).kind, 'swap');
  assert.equal(against(2, seconds(1039)).kind, 'nothing');
  assert.equal(against(2, seconds(1040)).kind, 'swap');
});

test('no swap while finishing the resident queue first is cheaper', () => {
  const challenger = aModel('b', queueOf(1, 20, seconds(200)));
  const resident = (jobs: number) => aModel('a', queueOf(1, jobs, seconds(1)));
  assert.deepEqual(oneGpu([resident(2), challenger], aResident('a')), nothing);
  const slow = { ...resident(2), svc: seconds(300) };
  assert.partialDeepStrictEqual(oneGpu([slow, challenger], aResident('a')), { load: 'b', evict: ['a'] });
});

test('an overdue model takes the place of a backlogged one although its waiting has not paid', () => {
  const hot = aModel('a', { ...queueOf(1, 200, seconds(60)), lam: [0.001, 0, 0], conc: 32 });
  const after = (waitedMs: number) => oneGpu([hot, aModel('b', queueOf(1, 1, waitedMs))], aResident('a'));
  assert.deepEqual(after(seconds(834)), nothing);
  const ahead = after(seconds(835));
  assert.partialDeepStrictEqual(ahead, { load: 'b', evict: ['a'], reason: 'overdue' });
  assert.match(whyOf(ahead), /^oldest normal job waited 835 s of 900 s, and a start takes 65 s$/);
  assert.match(whyOf(after(seconds(905))), /^oldest normal job waited 905 s of 900 s$/);
});

test('the guard waits for the quantum of the resident, and when long overdue for the shortest quantum only', () => {
  const hot = aModel('a', { ...queueOf(1, 200, seconds(60)), lam: [0.001, 0, 0], conc: 32 });
  const after = (waitedMs: number, readyMs: number) =>
    oneGpu([hot, aModel('b', queueOf(1, 1, waitedMs))], aResident('a', { readyAt: nowMs - readyMs }));
  assert.equal(after(seconds(905), seconds(300)).kind, 'nothing', 'kappa 4 of 130 s');
  assert.equal(after(seconds(835 + 519), seconds(300)).kind, 'nothing');
  assert.equal(after(seconds(835 + 520), seconds(300)).kind, 'swap');
  assert.equal(after(seconds(835 + 520), seconds(259)).kind, 'nothing', 'kappa 2 of 130 s');
});

test('the starvation bound is never below two full rounds of all that waits', () => {
  const hot = aModel('a', { ...queueOf(1, 200, seconds(60)), lam: [0.001, 0, 0] });
  const decision = oneGpu([hot, aModel('b', queueOf(1, 1, seconds(905)))], aResident('a'));
  assert.deepEqual(decision, nothing, 'a alone takes 65 s + 520 s');
});

test('of several overdue models the one whose last visit is longest ago goes first', () => {
  const overdue = (id: string, lastVisitAgo: number, jobs: number) =>
    aModel(id, { ...queueOf(1, jobs, seconds(5000)), lastVisit: nowMs - lastVisitAgo });
  const decision = oneGpu(
    [
      aModel('a'),
      overdue('b', seconds(100), 50),
      overdue('c', seconds(200), 1),
      overdue('d', seconds(50), 90),
    ],
    aResident('a'),
  );
  assert.partialDeepStrictEqual(decision, { load: 'c', reason: 'overdue' });
});

test('without the guard nothing is ever overdue', () => {
  const models = [aModel('a', { lam: [0.01, 0, 0] }), aModel('b', queueOf(1, 1, seconds(5000)))];
  assert.partialDeepStrictEqual(decided(models, [aGpu([aResident('a')])]), { reason: 'overdue' });
  assert.deepEqual(decided(models, [aGpu([aResident('a')])], { guard: false }), nothing);
});

test('victims with work in flight and no queue go on admitting for four service times', () => {
  const models = [aModel('a', { svc: seconds(5) }), aModel('b', queueOf(1, 5, seconds(60)))];
  const at = (softSince: number | null) =>
    oneGpu(models, aResident('a', { inflight: 1, youngestStart: nowMs - 1000, softSince }));
  assert.partialDeepStrictEqual(at(null), { kind: 'swap', evict: ['a'], soften: true });
  assert.partialDeepStrictEqual(at(nowMs - 19_999), { soften: true });
  assert.partialDeepStrictEqual(at(nowMs - 20_000), { soften: false });
});

test('the soft drain takes half a minute at most', () => {
  const models = [aModel('a', { svc: seconds(60) }), aModel('b', queueOf(1, 5, seconds(60)))];
  const at = (openMs: number) => oneGpu(models, aResident('a', { inflight: 1, softSince: nowMs - openMs }));
  assert.partialDeepStrictEqual(at(29_999), { soften: true });
  assert.partialDeepStrictEqual(at(30_000), { soften: false });
});

test('a pinned resident is never evicted, however late the others are', () => {
  const models = [aModel('a'), aModel('b', queueOf(0, 100, seconds(50_000)))];
  assert.deepEqual(oneGpu(models, aResident('a', { pinned: true })), nothing);
});

test('a model whose load failed is not tried before its time', () => {
  const at = (blockedUntil: number) => oneGpu([aModel('a', { ...queueOf(0, 9, seconds(99)), blockedUntil })]);
  assert.deepEqual(at(nowMs + 1), nothing);
  assert.deepEqual(at(Infinity), nothing);
  assert.partialDeepStrictEqual(at(nowMs), { kind: 'swap', load: 'a' });
});

test('a GPU that swaps, loads or drains is left alone', () => {
  const models = [aModel('a'), aModel('b', queueOf(0, 9, seconds(99)))];
  assert.deepEqual(decided(models, [aGpu([aResident('a')], { swapping: true })]), nothing);
  assert.deepEqual(oneGpu(models, aResident('a', { state: 'loading' })), nothing);
  assert.deepEqual(oneGpu(models, aResident('a', { state: 'draining' })), nothing);
});

test('a job for a draining model never revives it', () => {
  const models = [aModel('a', queueOf(0, 9, seconds(99)))];
  assert.deepEqual(oneGpu(models, aResident('a', { state: 'draining' })), nothing);
});

test('a model that cannot fit evicts nobody', () => {
  const models = [aModel('a', { vram: 10 }), aModel('b', { ...queueOf(0, 9, seconds(99)), vram: 101 })];
  assert.deepEqual(decided(models, [aGpu([aResident('a')], { vram: 100 })]), nothing);
});

function whyOf(decision: Decision): string {
  assert.equal(decision.kind, 'swap');
  return decision.kind === 'swap' ? decision.why : '';
}
