import { errors } from '../contracts/error-catalogue.ts';
import type { JobId, KeyId } from '../contracts/ids.ts';
import type { JobRecord } from '../contracts/job.ts';
import type { JobStore } from './ports.ts';

/**
 * A job of this key; another key's does not exist for it.
 * @throws job_not_found, job_expired
 */
export async function findOwnJob(jobs: JobStore, keyId: KeyId, id: string): Promise<JobRecord> {
  const record = /^job_[0-9A-Z]{26}$/.test(id) ? await jobs.find(id as JobId) : null;
  if (record === 'expired') throw errors.jobExpired(id);
  if (record === null || record.keyId !== keyId) throw errors.jobNotFound(id.slice(0, 64));
  return record;
}
