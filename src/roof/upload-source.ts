import type { UploadSource } from '../worker/ports.ts';
import { artifactClient } from './artifact-source.ts';
import type { WorkerConnection } from './ground-floor.ts';
import type { House } from './house.ts';

/** Files that came with jobs, from this disk, else from the API that took them. */
export function uploadSource(house: House, redis: WorkerConnection): UploadSource {
  const client = artifactClient(house, redis);
  return {
    async open(jobId, upload, url) {
      const here = await house.uploads.open(jobId, upload.index);
      if (here !== null || url === null) return here;
      return (await client()).open(url, { jobId, file: upload });
    },
  };
}
