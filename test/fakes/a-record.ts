import { asJobId, asModelId, type KeyId } from '../../src/contracts/ids.ts';
import type { JobRecord } from '../../src/contracts/job.ts';

const createdAtMs = Date.UTC(2026, 0, 1);

/** A job's record with what a test says about it; the rest is a chat that completed. */
export function aRecord(facts: Partial<JobRecord> = {}): JobRecord {
  return {
    id: asJobId('job_01K000000000000000000000AA'),
    model: asModelId('tiny'),
    modelType: 'text',
    endpoint: '/v1/chat/completions',
    class: 'normal',
    keyId: 'abcdef012345' as KeyId,
    sync: false,
    stream: false,
    inboxId: null,
    createdAtMs,
    queueDeadlineMs: createdAtMs + 3_600_000,
    executionTimeoutMs: 600_000,
    resultTtlMs: 172_800_000,
    webhook: null,
    metadata: {},
    status: 'completed',
    phase: null,
    progress: null,
    attempts: 1,
    startedAtMs: createdAtMs + 1000,
    completedAtMs: createdAtMs + 5000,
    loadMs: 0,
    worker: 'box',
    output: { choices: [] },
    files: [],
    dataRemoved: false,
    usage: null,
    error: null,
    ...facts,
  };
}
