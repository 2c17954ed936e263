import type { EventOf } from '../contracts/events.ts';
import type { JobMessage, JobRecord, JobStatus, Outcome } from '../contracts/job.ts';
import type { Claim } from './claim.ts';
import { cancelError } from './job-errors.ts';
import type { ScriptBatch } from './script-batch.ts';

export type Settled =
  /** Another attempt owns the job, or it is gone: nothing was changed. */
  | { readonly isOurs: false; readonly status: JobStatus }
  | {
      readonly isOurs: true;
      readonly status: JobStatus;
      readonly messages: readonly JobMessage[];
      /** As it is stored now; null where that is not known without reading it. */
      readonly record: JobRecord | null;
      readonly event: EventOf<'job.settled'> | EventOf<'job.requeued'>;
    };

/** What the settle script says of one attempt: the status of its job, and 1 where this call led to it. */
export type SettleReply = readonly [JobStatus, number];

/** Stores the outcome of an attempt and gives its place in the lane up, in one step, fenced by its token. */
export async function settleAttempt(
  batch: ScriptBatch<SettleReply>,
  claim: Claim,
  outcome: Outcome,
  workerName: string,
): Promise<Settled> {
  const { record, token, lane } = claim;
  const { output, rest } = outcomeFields(claim, outcome);
  const facts = JSON.stringify([record.id, token, outcome.kind, ...rest, lane, workerName]);
  const { reply, nowMs } = await batch.run(facts, output);
  const [status, isOurs] = reply;
  return isOurs === 1 ? describe(claim, outcome, status, nowMs) : { isOurs: false, status };
}

interface OutcomeFields {
  readonly output: string;
  /** Files, usage and error. */
  readonly rest: readonly [string, string, string];
}

/** As they are stored. */
function outcomeFields(claim: Claim, outcome: Outcome): OutcomeFields {
  if (outcome.kind === 'completed') {
    const { output, files, usage } = outcome.result;
    return { output: json(output), rest: [JSON.stringify(files), json(usage), ''] };
  }
  return { output: '', rest: ['', '', errorText(claim, outcome)] };
}

function errorText(claim: Claim, outcome: Exclude<Outcome, { kind: 'completed' }>): string {
  if (outcome.kind === 'failed' || outcome.kind === 'retry') return JSON.stringify(outcome.error);
  return outcome.kind === 'cancelled' ? cancelError(claim.record.id, 'by its worker') : '';
}

/** What the record says now; null where only the record itself knows, as after a cancellation. */
function recordAfter(claim: Claim, outcome: Outcome, status: JobStatus, nowMs: number): JobRecord | null {
  if (outcome.kind !== 'completed' || status !== 'completed') return null;
  const { output, files, usage } = outcome.result;
  const end = { status, phase: null, progress: 100, completedAtMs: nowMs } as const;
  return { ...claim.record, ...end, output: output ?? null, files, usage: usage ?? null };
}

const json = (value: unknown): string => (value === null || value === undefined ? '' : JSON.stringify(value));

function describe(claim: Claim, outcome: Outcome, status: JobStatus, nowMs: number): Settled {
  const { id: jobId, model } = claim.record;
  const { attempt } = claim;
  if (status === 'queued') {
    const messages: JobMessage[] =
      outcome.kind === 'retry' ? [{ type: 'requeued', jobId, attempt, error: outcome.error }] : [];
    const reason = outcome.kind === 'retry' ? outcome.error.code : outcome.kind;
    return {
      isOurs: true,
      status,
      messages,
      record: null,
      event: { type: 'job.requeued', jobId, model, attempt, reason },
    };
  }
  const runMs = nowMs - (claim.record.startedAtMs ?? nowMs);
  const code = 'error' in outcome ? outcome.error.code : null;
  const event = { type: 'job.settled', jobId, model, status, attempt, runMs, code } as const;
  const record = recordAfter(claim, outcome, status, nowMs);
  return { isOurs: true, status, messages: [{ type: 'settled', jobId, status }], record, event };
}
