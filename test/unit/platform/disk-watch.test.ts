import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiskRoom } from '../../../src/platform/disk-room.ts';
import { DiskWatch } from '../../../src/platform/disk-watch.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

test('a disk that fills up is known within seconds, and so is the room that comes back', async () => {
  const clock = new FakeClock();
  const disk = { bsize: 1000, blocks: 1_000_000, bavail: 900_000 };
  const room = new DiskRoom({ minFreeBytes: 100_000_000, minFreeShare: 0, statfs: async () => disk });
  const watch = new DiskWatch({ look: () => room.problem('/data'), clock });
  await watch.start();
  assert.equal(watch.problem, null);
  disk.bavail = 99_000;
  await clock.advance(5000);
  assert.equal(watch.problem, '/data has 99 MB free, 100 MB must stay free');
  disk.bavail = 100_000;
  await clock.advance(5000);
  assert.equal(watch.problem, null);
  await watch.stop();
});

test('a disk that cannot be looked at is not called full, and a watch that was stopped looks no more', async () => {
  const clock = new FakeClock();
  let looks = 0;
  const look = async (): Promise<string> => {
    looks += 1;
    throw new Error('no such folder');
  };
  const watch = new DiskWatch({ look, clock });
  await watch.start();
  assert.equal(watch.problem, null);
  await watch.stop();
  await clock.advance(60_000);
  assert.equal(looks, 1);
});
