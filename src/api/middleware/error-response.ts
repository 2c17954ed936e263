import type { ServerResponse } from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import { errors } from '../../contracts/error-catalogue.ts';
import { RoundhouseError } from '../../contracts/errors.ts';
import type { Emit } from '../../contracts/events.ts';
import { sendJson } from '../send-json.ts';

/** The last handler: every error leaves as OpenAI's envelope, and what nobody expected is told to the log. */
export function errorResponse(emit: Emit) {
  return (thrown: unknown, request: Request, response: Response, _next: NextFunction): void => {
    const error = toRoundhouseError(thrown);
    if (error.code === 'internal_error') {
      emit({ type: 'system.fault', where: `${request.method} ${request.path}`, message: messageOf(thrown) });
    }
    if (response.headersSent) response.destroy();
    else sendError(response, error);
  };
}

/** Answers with an error in OpenAI's envelope, and with what SDKs need to know. */
export function sendError(response: ServerResponse, error: RoundhouseError): void {
  for (const [name, value] of Object.entries(errorHeaders(error))) response.setHeader(name, value);
  sendJson(response, error.status, { error: error.toBody() });
}

/** Headers that tell SDKs whether and when to try again. */
export function errorHeaders(error: RoundhouseError): Record<string, string> {
  return {
    ...error.headers,
    ...(error.retryable || error.code === 'internal_error' ? {} : { 'x-should-retry': 'false' }),
    ...(error.retryAfterS === null
      ? {}
      : { 'retry-after': String(error.retryAfterS), 'retry-after-ms': String(error.retryAfterS * 1000) }),
    ...(error.jobId === null ? {} : { 'x-job-id': error.jobId, location: `/jobs/${error.jobId}` }),
  };
}

/** What a client may hear of anything that was thrown; the unexpected becomes internal_error. */
export function toRoundhouseError(thrown: unknown): RoundhouseError {
  if (thrown instanceof RoundhouseError) return thrown;
  if (thrown instanceof URIError) return errors.invalidUrl();
  return errors.internal(thrown);
}

const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
