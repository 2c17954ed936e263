import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BoardView } from '../../../src/api/board-view.ts';
import { FakeBoard } from '../../fakes/fake-board.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

function setUp() {
  const clock = new FakeClock();
  const board = new FakeBoard(() => clock.now());
  let reads = 0;
  const workers = board.workers.bind(board);
  board.workers = () => {
    reads++;
    return workers();
  };
  return { clock, board, view: new BoardView(board, clock), reads: () => reads };
}

test('many readers at once are one read, and a second long none', async () => {
  const { clock, view, reads } = setUp();
  await Promise.all([view.current(), view.current(), view.current()]);
  await clock.advance(1000);
  await view.current();
  assert.equal(reads(), 1);
});

test('an older board is given at once and renewed meanwhile', async () => {
  const { clock, view, reads } = setUp();
  const first = await view.current();
  await clock.advance(3000);
  assert.equal(view.current(), first);
  await clock.advance(0);
  assert.equal(reads(), 2);
  assert.notEqual(view.current(), first);
});

test('a board older than five seconds is not given any more', async () => {
  const { clock, board, view } = setUp();
  await view.current();
  board.isDown = true;
  await clock.advance(3000);
  await view.current();
  await clock.advance(3000);
  await assert.rejects(async () => view.current(), { code: 'queue_unavailable' });
  board.isDown = false;
  assert.equal((await view.current()).workers.length, 1);
});

test('what was forgotten is read anew', async () => {
  const { view, reads } = setUp();
  await view.current();
  view.forget();
  assert.equal(view.last(), null);
  await view.current();
  assert.equal(reads(), 2);
});
