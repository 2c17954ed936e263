import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import { LoadFailures } from '../../../src/worker/load-failures.ts';
import type { LaneCounts } from '../../../src/worker/ports.ts';
import { Refusals } from '../../../src/worker/refusals.ts';
import { model } from '../../helpers/jobs.ts';

const chat = model('chat');
const error = errors.modelLoadFailed('chat', 'exit code 1', ['no memory'], 30).toBody();

const counts = (waiting: number, accepted = waiting, joined = 0): readonly LaneCounts[] => [
  {
    model: chat,
    waiting: [0, waiting, 0],
    oldest: [-1, 0, -1],
    sumEnqueued: [0, 0, 0],
    accepted: [0, accepted, 0],
    joined: [0, joined, 0],
    paused: false,
  },
];

function aSetting(failed: number, known: readonly string[] = ['chat']) {
  const failures = new LoadFailures();
  for (let at = 0; at < failed; at++) failures.record(chat, error, 0);
  const asked: string[] = [];
  const lanes = {
    failWaiting: async (id: string, { code }: { code: string }, which: string) => {
      asked.push(`${which} of ${id}: ${code}`);
      return 0;
    },
  };
  return { failures, asked, refusals: new Refusals({ lanes, failures }, new Set(known.map(model))) };
}

test('one failed load refuses nobody, the second those who wait on a connection, until the next try', async () => {
  const first = aSetting(1);
  await first.refusals.ofUnstartable(counts(1), 500);
  assert.deepEqual(first.asked, []);
  const second = aSetting(2);
  await second.refusals.ofUnstartable(counts(1), 500);
  assert.deepEqual(second.asked, ['sync of chat: model_load_failed']);
  const later = aSetting(2);
  await later.refusals.ofUnstartable(counts(1), 30_000);
  assert.deepEqual(later.asked, []);
});

test('as long as nothing changes the lanes are asked once', async () => {
  const { refusals, asked } = aSetting(2);
  for (let at = 0; at < 5; at++) await refusals.ofUnstartable(counts(1), 500);
  assert.equal(asked.length, 1);
});

test('a call that entered its lane after it was counted is refused, too', async () => {
  const { refusals, asked } = aSetting(2);
  await refusals.ofUnstartable(counts(1, 2), 500);
  await refusals.ofUnstartable(counts(2, 2), 600);
  assert.equal(asked.length, 2);
});

test('a call that came to a backlog after the lanes were asked is refused, too', async () => {
  const { refusals, asked } = aSetting(2);
  await refusals.ofUnstartable(counts(4, 4, 1), 500);
  await refusals.ofUnstartable(counts(4, 4, 2), 600);
  assert.equal(asked.length, 2);
});

test('every failure in a row refuses anew, a success refuses nobody', async () => {
  const { refusals, asked, failures } = aSetting(2);
  await refusals.ofUnstartable(counts(1), 500);
  failures.record(chat, error, 40_000);
  await refusals.ofUnstartable(counts(1), 40_500);
  assert.equal(asked.length, 2);
  failures.forget(chat);
  await refusals.ofUnstartable(counts(3), 40_600);
  assert.equal(asked.length, 2);
});

test('jobs of a model that left the registry are refused once, and again only when it left again', async () => {
  const { refusals, asked } = aSetting(0, ['chat', 'image']);
  const without = new Map([[model('image'), null]]);
  for (let at = 0; at < 3; at++) await refusals.ofRemoved(without);
  assert.deepEqual(asked, ['all of chat: model_removed']);
  await refusals.ofRemoved(new Map([...without, [chat, null]]));
  await refusals.ofRemoved(without);
  assert.equal(asked.length, 2);
});

test('a refusal that Redis did not take is made again', async () => {
  const { failures } = aSetting(0);
  let isAway = true;
  let refused = 0;
  const failWaiting = async () => {
    if (isAway) throw errors.queueUnavailable('it is away');
    return ++refused;
  };
  const refusals = new Refusals({ lanes: { failWaiting }, failures }, new Set([chat]));
  await assert.rejects(refusals.ofRemoved(new Map()));
  isAway = false;
  await refusals.ofRemoved(new Map());
  assert.equal(refused, 1);
});
