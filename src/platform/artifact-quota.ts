import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobId } from '../contracts/ids.ts';
import { jobFolders, namesIn } from './artifact-folders.ts';

/** The files of one job on the disk. */
export interface JobFiles {
  readonly jobId: JobId;
  readonly bytes: number;
  /** When the last of them was written, epoch ms. */
  readonly writtenAtMs: number;
}

/** How much every job's files take. */
export async function measureFolders(root: string): Promise<readonly JobFiles[]> {
  const measured: JobFiles[] = [];
  for await (const { jobId, folder } of jobFolders(root)) {
    const stats = await Promise.all(
      (await namesIn(folder)).map((name) => stat(join(folder, name)).catch(() => null)),
    );
    const files = stats.filter((each) => each !== null);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    measured.push({ jobId, bytes, writtenAtMs: Math.max(0, ...files.map(({ mtimeMs }) => mtimeMs)) });
  }
  return measured;
}

/** What must go, oldest first, until the rest fits. `remove` may refuse what is still needed. Returns what went. */
export async function makeFit(
  all: readonly JobFiles[],
  mostBytes: number,
  remove: (jobId: JobId) => Promise<boolean>,
): Promise<readonly JobFiles[]> {
  let total = all.reduce((sum, { bytes }) => sum + bytes, 0);
  const gone: JobFiles[] = [];
  for (const each of all.toSorted((a, b) => a.writtenAtMs - b.writtenAtMs)) {
    if (total <= mostBytes) break;
    if (!(await remove(each.jobId))) continue;
    total -= each.bytes;
    gone.push(each);
  }
  return gone;
}
