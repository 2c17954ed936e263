import assert from 'node:assert/strict';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { asJobId, type JobId } from '../../../src/contracts/ids.ts';
import { folderOf } from '../../../src/platform/artifact-names.ts';
import { ArtifactStore } from '../../../src/platform/artifact-store.ts';
import { pieceOf } from '../../../src/platform/stream-head.ts';
import { TempDir } from '../../helpers/temp-dir.ts';

const nowMs = Date.UTC(2026, 0, 2);
const jobs = ['AA', 'BB', 'CC'].map((end) => asJobId(`job_01K000000000000000000000${end}`));

async function aStore() {
  const temp = await TempDir.create();
  const root = temp.path('files');
  const store = new ArtifactStore({ root, minFreeBytes: 0, minFreeShare: 0, now: () => nowMs });
  /** A file of so many bytes that was written so long ago. */
  const add = async (jobId: JobId, index: number, bytes: number, ageMs: number): Promise<void> => {
    await store.write(jobId, index, 'image/png', pieceOf(Buffer.alloc(bytes)));
    const at = new Date(nowMs - ageMs);
    await utimes(join(folderOf(root, jobId), `${index}.png`), at, at);
    await utimes(folderOf(root, jobId), at, at);
  };
  const left = async (): Promise<readonly JobId[]> => {
    const found = await Promise.all(jobs.map((jobId) => store.find(jobId, 0)));
    await Promise.all(found.map((file) => file?.close()));
    return jobs.filter((_, at) => found[at] !== null);
  };
  return { store, root, add, left, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() };
}

const [first, second, third] = jobs as [JobId, JobId, JobId];

test('over their room, the files that were written first go until the rest fits, and no more', async () => {
  await using box = await aStore();
  await box.add(first, 0, 400, 2000);
  await box.add(second, 0, 400, 3000);
  await box.add(third, 0, 300, 1000);
  await box.add(third, 1, 300, 1000);
  const gone = await box.store.fit(1000, async () => true);
  assert.deepEqual(gone, [{ jobId: second, bytes: 400, writtenAtMs: nowMs - 3000 }]);
  assert.deepEqual(await box.left(), [first, third]);
  assert.deepEqual(await box.store.fit(1000, async () => true), []);
});

test('a job that may not lose its files keeps them, and the next one goes instead', async () => {
  await using box = await aStore();
  await box.add(first, 0, 600, 3000);
  await box.add(second, 0, 600, 2000);
  await box.add(third, 0, 10, 1000);
  const asked: JobId[] = [];
  await box.store.fit(700, async (jobId) => {
    asked.push(jobId);
    assert.equal((await box.left()).length, 3, 'a record tells of it before the files go');
    return jobId !== first;
  });
  assert.deepEqual(
    [asked, await box.left()],
    [
      [first, second],
      [first, third],
    ],
  );
});

test('a folder that is not there, and what is not ours in it, weigh nothing', async () => {
  await using box = await aStore();
  assert.deepEqual(await box.store.fit(0, async () => true), []);
  await mkdir(join(box.root, 'ab', 'notes'), { recursive: true });
  await writeFile(join(box.root, 'ab', 'notes', 'text'), 'x'.repeat(1000));
  assert.deepEqual(await box.store.fit(10, async () => true), []);
});

test('what came with jobs goes with their end; of an unknown job it may be on its way in', async () => {
  await using box = await aStore();
  const hourMs = 3_600_000;
  await box.add(first, 0, 1, 10);
  await box.add(first, 1, 1, 10);
  await box.add(second, 0, 1, 10 * hourMs);
  await box.add(third, 0, 1, hourMs / 2);
  const states = new Map([
    [first, 'ended'],
    [second, 'live'],
  ] as const);
  const stateOf = async (jobId: JobId) => states.get(jobId) ?? 'unknown';
  assert.equal(await box.store.sweepUploads(stateOf), 2);
  assert.deepEqual(await box.left(), [second, third]);
  await box.add(third, 0, 1, 2 * hourMs);
  assert.equal(await box.store.sweepUploads(stateOf), 1);
  assert.deepEqual(await box.left(), [second]);
});
