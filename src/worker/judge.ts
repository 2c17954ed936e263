import { errors } from '../contracts/error-catalogue.ts';
import { RoundhouseError } from '../contracts/errors.ts';
import type { Outcome } from '../contracts/job.ts';
import { GenerationFailed } from './generation-failed.ts';
import type { Overrun } from './silence-watch.ts';
import { withoutAddresses } from './upstream-error.ts';

/** What was so when an attempt broke off, most telling first. */
export interface BrokenOff {
  readonly model: string;
  readonly error: unknown;
  /** Why the claim ended early: cancelled, its client gone, or its lock lost. */
  readonly claimEnd: unknown;
  /** Reason of the lease's signal: the server died. */
  readonly serverEnd: unknown;
  readonly overrun: Overrun | null;
  readonly executionTimeoutMs: number;
  readonly isStopping: boolean;
}

/** The outcome of an attempt that broke off, and whether its server must be ended. Only infrastructure is retried. */
export function judge(facts: BrokenOff): { readonly outcome: Outcome; readonly killBecause: string | null } {
  const { model, error, claimEnd, serverEnd, overrun } = facts;
  if (claimEnd !== undefined) return alive(claimOutcome(claimEnd));
  if (serverEnd !== undefined) return alive({ kind: 'retry', error: asError(serverEnd, model).toBody() });
  if (overrun === 'the execution limit') {
    const limit = errors.executionTimeout(facts.executionTimeoutMs / 1000);
    return alive({ kind: 'failed', error: limit.toBody() });
  }
  if (overrun !== null) {
    return {
      outcome: { kind: 'retry', error: errors.modelHung(model, overrun).toBody() },
      killBecause: overrun,
    };
  }
  if (facts.isStopping) return alive({ kind: 'snooze' });
  if (error instanceof GenerationFailed) return failed(error);
  if (error instanceof RoundhouseError) return alive({ kind: 'failed', error: error.toBody() });
  return alive({ kind: 'retry', error: asError(error, model).toBody() });
}

const alive = (outcome: Outcome) => ({ outcome, killBecause: null });

/** A lost lock is settled as a retry: the fence lets it change nothing when another attempt owns the job. */
function claimOutcome(reason: unknown): Outcome {
  if (reason instanceof RoundhouseError && reason.code !== 'job_cancelled') {
    return { kind: 'retry', error: reason.toBody() };
  }
  return { kind: 'cancelled' };
}

function failed({ body, fault, isServerBroken }: GenerationFailed) {
  const outcome: Outcome = { kind: fault === 'server' ? 'retry' : 'failed', error: body };
  return { outcome, killBecause: isServerBroken ? body.message : null };
}

const asError = (reason: unknown, model: string): RoundhouseError =>
  reason instanceof RoundhouseError
    ? reason
    : errors.modelCrashed(model, withoutAddresses(reason instanceof Error ? reason.message : String(reason)));
