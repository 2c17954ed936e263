import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobId } from '../contracts/ids.ts';
import { jobFolders, namesIn } from './artifact-folders.ts';
import { isTemporary } from './artifact-names.ts';

export interface ArtifactSweep {
  readonly root: string;
  readonly nowMs: number;
  readonly isKept: (jobId: JobId) => Promise<boolean>;
  /** Whether this process is writing that file. */
  readonly isBusy: (path: string) => boolean;
}

/** A write that has not grown for so long belongs to a process that is gone. */
const leftoverAfterMs = 3_600_000;
/** Files of an unknown job are kept for a day: the Redis that knows them may just not be the one that was asked. */
const unknownAfterMs = 86_400_000;

/**
 * Removes leftovers of crashed writes and the folders of jobs that nobody knows any more. Returns how many files.
 * @throws what `isKept` throws, with the rest left for the next time
 */
export async function sweepArtifacts(sweep: ArtifactSweep): Promise<number> {
  let removed = 0;
  for await (const { jobId, folder } of jobFolders(sweep.root))
    removed += await sweepJob(sweep, folder, jobId);
  return removed;
}

/** What is known of a job: `unknown` may be one that is about to be accepted. */
export type JobKnowledge = 'live' | 'ended' | 'unknown';

export interface UploadSweep {
  readonly root: string;
  readonly nowMs: number;
  readonly stateOf: (jobId: JobId) => Promise<JobKnowledge>;
}

/** Removes what came with jobs that have ended, or that never came to be. Returns how many files. */
export async function sweepUploads({ root, nowMs, stateOf }: UploadSweep): Promise<number> {
  let removed = 0;
  for await (const { jobId, folder } of jobFolders(root)) {
    const state = await stateOf(jobId);
    if (state === 'live' || (state === 'unknown' && !(await isOlder(folder, leftoverAfterMs, nowMs))))
      continue;
    removed += (await namesIn(folder)).length;
    await rm(folder, { recursive: true, force: true });
  }
  return removed;
}

async function sweepJob(sweep: ArtifactSweep, folder: string, jobId: JobId): Promise<number> {
  if (await isOlder(folder, unknownAfterMs, sweep.nowMs)) {
    if (!(await sweep.isKept(jobId))) {
      const names = await namesIn(folder);
      await rm(folder, { recursive: true, force: true });
      return names.length;
    }
  }
  return sweepLeftovers(sweep, folder);
}

async function sweepLeftovers({ nowMs, isBusy }: ArtifactSweep, folder: string): Promise<number> {
  let removed = 0;
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    if (!isTemporary(name) || isBusy(path) || !(await isOlder(path, leftoverAfterMs, nowMs))) continue;
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}

async function isOlder(path: string, ageMs: number, nowMs: number): Promise<boolean> {
  const stats = await stat(path).catch(() => null);
  return stats !== null && nowMs - stats.mtimeMs > ageMs;
}
