import { errors } from '../contracts/error-catalogue.ts';
import { type ErrorBody, RoundhouseError } from '../contracts/errors.ts';
import type { JobRecord } from '../contracts/job.ts';

const statusByCode: Readonly<Record<string, number>> = {
  model_error: 500,
  internal_error: 500,
  upstream_bad_response: 502,
  execution_timeout: 504,
  queue_ttl_exceeded: 504,
  storage_full: 507,
  payload_too_large: 413,
};

const statusByType: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  conflict_error: 409,
  rate_limit_error: 429,
};

/** Waiting clients hear of a failed load from the second one on, whose pause this is. */
const leastLoadRetryAfterS = 30;

/**
 * What a waiting client is told of a job that ended without a result.
 * @param loadRetryAfterS when a model that could not be started is tried again
 */
export function recordError(record: JobRecord, loadRetryAfterS = leastLoadRetryAfterS): RoundhouseError {
  if (record.status === 'cancelled') return errors.cancelled(record.id);
  if (record.status === 'expired') {
    return errors.queueTtlExceeded(
      record.id,
      Math.round((record.queueDeadlineMs - record.createdAtMs) / 1000),
    );
  }
  if (record.error === null) return errors.internal(new Error(`job ${record.id} failed without an error`));
  return fromBody(record.error, record.id, loadRetryAfterS);
}

function fromBody(body: ErrorBody, jobId: string, loadRetryAfterS: number): RoundhouseError {
  const { message, type, code, param } = body;
  const retryable = body.retryable ?? false;
  return new RoundhouseError({
    status: statusByCode[code] ?? statusByType[type] ?? (retryable ? 503 : 500),
    type,
    code,
    message,
    param,
    retryable,
    jobId,
    ...(code === 'model_load_failed' ? { retryAfterS: loadRetryAfterS } : {}),
  });
}
