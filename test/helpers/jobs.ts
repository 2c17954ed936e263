import { ulid } from 'ulid';
import type { InboxId, JobId, KeyId, ModelId } from '../../src/contracts/ids.ts';
import type { JobClass, NewJob } from '../../src/contracts/job.ts';

export const model = (name: string): ModelId => name as ModelId;

/** A job as the API would hand it over; everything may be set otherwise. */
export function aJob(over: Partial<NewJob> = {}): NewJob {
  const nowMs = Date.now();
  return {
    id: `job_${ulid()}` as JobId,
    model: model('echo'),
    modelType: 'text',
    endpoint: '/v1/chat/completions',
    class: 'normal' as JobClass,
    keyId: '0123456789ab' as KeyId,
    body: '{"model":"echo","messages":[]}',
    sync: false,
    stream: false,
    inboxId: null as InboxId | null,
    createdAtMs: nowMs,
    queueDeadlineMs: nowMs + 3_600_000,
    executionTimeoutMs: 600_000,
    resultTtlMs: 172_800_000,
    webhook: null,
    metadata: {},
    ...over,
  };
}
