import type { Redis } from 'ioredis';
import type { JobId } from '../contracts/ids.ts';
import { workerLostError } from './job-errors.ts';
import { decodeFlat, type JobInput } from './record-codec.ts';
import { runScript } from './scripts.ts';

export interface StartedJob {
  readonly token: string;
  readonly jobId: JobId;
  /** null: its time to live was over before it started; it is held in its lane until it is expired. */
  readonly started: JobInput | null;
}

type Row = readonly [token: string, id: JobId, flat?: string[]];

/**
 * Takes the next jobs of a lane, one for each token, and starts them: attempt counted, record `in_progress`, lock set.
 * Repeating it with the same tokens gives the same jobs, so that an answer that was lost costs nothing.
 */
export async function claimJobs(
  redis: Redis,
  lane: string,
  tokens: readonly string[],
  { workerName, lockDurationMs }: { readonly workerName: string; readonly lockDurationMs: number },
  nowMs: number,
): Promise<readonly StartedJob[]> {
  const facts = [lane, workerName, lockDurationMs, workerLostError] as const;
  const rows = await runScript<Row[]>(redis, 'claim', nowMs, ...facts, ...tokens);
  return rows.map(([token, jobId, flat]) => ({ token, jobId, started: flat ? decodeFlat(flat) : null }));
}
