import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Residents } from '../../../src/worker/residents.ts';
import { model } from '../../helpers/jobs.ts';

const chat = model('chat');

function ready(nowMs = 0): Residents {
  const residents = new Residents();
  residents.beginLoad(chat, nowMs);
  residents.becomeReady(chat, nowMs);
  return residents;
}

test('a model is loading, then ready, then drains, then is gone', () => {
  const residents = new Residents();
  residents.beginLoad(chat, 1);
  assert.deepEqual([residents.has(chat), residents.isReady(chat)], [true, false]);
  residents.becomeReady(chat, 2);
  assert.equal(residents.isReady(chat), true);
  residents.drain(chat, 3);
  assert.deepEqual([residents.isReady(chat), residents.isDraining(chat)], [false, true]);
  residents.leave(chat);
  assert.deepEqual([residents.has(chat), residents.lastVisit(chat)], [false, 3]);
});

test('draining is one-way', () => {
  const residents = ready();
  residents.drain(chat, 1);
  residents.becomeReady(chat, 2);
  assert.equal(residents.isReady(chat), false);
});

test('a slot is counted until it is ended, and ending it twice counts once', () => {
  const residents = ready();
  const first = residents.start(chat, 1);
  const second = residents.start(chat, 2);
  first();
  first();
  assert.equal(residents.inFlight(chat), 1);
  second();
  assert.equal(residents.inFlight(chat), 0);
});

test('slots of a server that crashed do not count on the next one', () => {
  const residents = ready();
  const old = residents.start(chat, 1);
  residents.leave(chat);
  residents.beginLoad(chat, 2);
  residents.becomeReady(chat, 3);
  assert.equal(residents.inFlight(chat), 0);
  const fresh = residents.start(chat, 4);
  old();
  assert.equal(residents.inFlight(chat), 1);
  fresh();
});

test('who waits until a model is idle is told at its last slot, or when it leaves', async () => {
  const residents = ready();
  await residents.untilIdle(chat);
  const slot = residents.start(chat, 1);
  let told = '';
  const idle = residents.untilIdle(chat).then(() => {
    told += 'idle ';
  });
  await Promise.resolve();
  assert.equal(told, '');
  slot();
  await idle;
  residents.start(chat, 2);
  const gone = residents.untilIdle(chat);
  residents.leave(chat);
  await gone;
});

test('an old slot that ends does not tell those who wait for the next visit', async () => {
  const residents = ready();
  const old = residents.start(chat, 1);
  residents.leave(chat);
  residents.beginLoad(chat, 2);
  residents.becomeReady(chat, 3);
  residents.start(chat, 4);
  let isTold = false;
  void residents.untilIdle(chat).then(() => {
    isTold = true;
  });
  old();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isTold, false);
});

test('a slot of a model that is not there counts nothing', () => {
  const residents = new Residents();
  residents.start(chat, 1)();
  assert.equal(residents.inFlight(chat), 0);
});

test('the picture shows when the youngest job started, and since when a swap waits for a gap', () => {
  const residents = ready(5);
  residents.start(chat, 10);
  residents.start(chat, 20);
  residents.soften(chat, 30);
  residents.soften(chat, 40);
  const [picture] = residents.pictures(() => true);
  assert.deepEqual(picture, {
    ...{ id: chat, state: 'ready', readyAt: 5, inflight: 2, youngestStart: 20, lastStart: 20 },
    ...{ pinned: true, softSince: 30 },
  });
  residents.harden();
  assert.equal(residents.pictures(() => false)[0]?.softSince, null);
});
