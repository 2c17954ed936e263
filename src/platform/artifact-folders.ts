import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isJobId, type JobId } from '../contracts/ids.ts';

export interface JobFolder {
  readonly jobId: JobId;
  readonly folder: string;
}

/** The folders of all jobs below a root; a root that is not there has none. */
export async function* jobFolders(root: string): AsyncGenerator<JobFolder> {
  for (const outer of await foldersIn(root)) {
    for (const folder of await foldersIn(outer)) {
      const jobId = folder.slice(outer.length + 1);
      if (isJobId(jobId)) yield { jobId, folder };
    }
  }
}

export const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

async function foldersIn(path: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
}
