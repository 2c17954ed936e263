import { createHash } from 'node:crypto';
import type { UploadDesk } from '../../src/api/ports.ts';
import { errors } from '../../src/contracts/error-catalogue.ts';
import type { JobId } from '../../src/contracts/ids.ts';
import type { Artifact } from '../../src/contracts/job.ts';
import { whole } from './fake-model-http.ts';

/** Files that clients sent, in memory. */
export class FakeUploads implements UploadDesk {
  /** `<job id>/<index>` -> bytes. */
  readonly files = new Map<string, Buffer>();
  isDiskFull = false;

  async write(
    jobId: JobId,
    index: number,
    contentType: string,
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<Artifact> {
    if (this.isDiskFull) throw errors.storageFull('the uploads folder');
    const all = await whole(bytes);
    this.files.set(`${jobId}/${index}`, all);
    const sha256 = createHash('sha256').update(all).digest('hex');
    return { index, contentType, bytes: all.length, sha256 };
  }

  async remove(jobId: JobId): Promise<void> {
    for (const name of this.files.keys()) if (name.startsWith(`${jobId}/`)) this.files.delete(name);
  }

  url(): string | null {
    return null;
  }
}
