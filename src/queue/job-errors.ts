import { errors } from '../contracts/error-catalogue.ts';
import type { JobId } from '../contracts/ids.ts';

/** The errors that the queue itself writes into records, as the JSON that is stored. */
export const workerLostError = JSON.stringify(errors.workerLost().toBody());

/** `reason` goes on after "was cancelled: ". */
export function cancelError(id: JobId, reason: string): string {
  const body = errors.cancelled(id).toBody();
  return JSON.stringify({
    ...body,
    message: `${body.message.replace(/\.$/, '')}: ${reason.replace(/\.$/, '')}.`,
  });
}

/** @param ttlMs how long it was allowed to wait */
export function expiredError(id: JobId, ttlMs: number): string {
  return JSON.stringify(errors.queueTtlExceeded(id, Math.round(ttlMs / 1000)).toBody());
}
