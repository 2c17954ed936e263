import { RoundhouseError } from './errors.ts';

const refused = (status: number, code: string, message: string, param: string | null = null) =>
  new RoundhouseError({ status, type: 'invalid_request_error', code, message, param });

/** Every refusal and failure by name: facts in, one sentence out that says what happened and what to do. */
export const errors = {
  invalidJson: (detail: string) =>
    refused(
      400,
      'invalid_json',
      `The request body is not a JSON object (${detail}). Send one with content-type application/json.`,
    ),
  invalidForm: (detail: string) =>
    refused(
      400,
      'invalid_form',
      `The request body is not a form that can be read (${detail}). Send multipart/form-data as OpenAI's clients do.`,
    ),
  invalidImage: (param: string, problem: string) =>
    refused(400, 'invalid_image', `${param}: ${problem}`, param),
  invalidValue: (param: string, problem: string) =>
    refused(400, 'invalid_value', `${param}: ${problem}`, param),
  missingParameter: (param: string) =>
    refused(400, 'missing_required_parameter', `Missing required parameter: ${param}.`, param),
  unknownParameter: (param: string) =>
    refused(400, 'unknown_parameter', `Unknown parameter: ${param}. Remove it.`, param),
  unsupportedEndpoint: (model: string, endpoint: string, served: readonly string[]) =>
    refused(
      400,
      'unsupported_endpoint',
      `Model "${model}" does not serve ${endpoint}. It serves ${served.join(', ')}.`,
      'model',
    ),
  invalidWebhookUrl: (problem: string) =>
    refused(400, 'invalid_webhook_url', `webhook: ${problem}`, 'webhook'),
  webhookAddressBlocked: (host: string) =>
    refused(
      400,
      'webhook_address_blocked',
      `webhook: ${host} is not a public address. Allow it under webhooks.allow_cidrs in the models file.`,
      'webhook',
    ),
  missingApiKey: () =>
    new RoundhouseError({
      status: 401,
      type: 'authentication_error',
      code: 'missing_api_key',
      message:
        'No API key. Send it as "Authorization: Bearer <key>"; the first one is in the file api-key of the data folder.',
      headers: { 'www-authenticate': 'Bearer' },
    }),
  invalidApiKey: () =>
    new RoundhouseError({
      status: 401,
      type: 'authentication_error',
      code: 'invalid_api_key',
      message:
        'This API key is not known here. Compare it with the file api-key of the data folder or with ROUNDHOUSE_API_KEYS.',
      headers: { 'www-authenticate': 'Bearer' },
    }),
  invalidLink: () =>
    new RoundhouseError({
      status: 403,
      type: 'permission_error',
      code: 'invalid_link',
      message: 'This link has expired or was changed. Read the job again with your key for a new one.',
    }),
  modelNotFound: (model: string, known: readonly string[]) =>
    refused(
      404,
      'model_not_found',
      `The model "${model}" does not exist. Models here: ${known.join(', ') || 'none'}.`,
      'model',
    ),
  jobNotFound: (id: string) => refused(404, 'job_not_found', `No job "${id}".`),
  jobExpired: (id: string) =>
    refused(410, 'job_expired', `Job "${id}" has ended and its record is past its retention.`),
  contentExpired: (id: string) =>
    refused(410, 'content_expired', `The content of job "${id}" is no longer kept.`),
  contentNotFound: (id: string, index: number) =>
    refused(404, 'content_not_found', `Job "${id}" has no file ${index}.`),
  unknownUrl: (method: string, path: string) =>
    refused(404, 'unknown_url', `Unknown request URL: ${method} ${path}.`),
  invalidUrl: () =>
    refused(400, 'invalid_url', 'The request URL is not well-formed: check its percent-encoding.'),
  malformedRequest: (status: 400 | 408 | 431, detail: string) =>
    refused(status, 'malformed_request', `This is not a request that can be read: ${detail}.`),
  logsNotFound: (model: string) =>
    refused(404, 'logs_not_found', `No log of "${model}" is at hand; it has not been started here.`),
  rangeNotSatisfiable: (bytes: number) =>
    new RoundhouseError({
      status: 416,
      type: 'invalid_request_error',
      code: 'range_not_satisfiable',
      message: `The range lies outside of the ${bytes} bytes of this content.`,
      headers: { 'content-range': `bytes */${bytes}` },
    }),
  methodNotAllowed: (method: string, path: string, allow: readonly string[]) =>
    new RoundhouseError({
      status: 405,
      type: 'invalid_request_error',
      code: 'method_not_allowed',
      message: `${method} is not allowed on ${path}. Use ${allow.join(' or ')}.`,
      headers: { allow: allow.join(', ') },
    }),
  jobNotCompleted: (id: string, status: string) =>
    new RoundhouseError({
      status: 409,
      type: 'conflict_error',
      code: 'job_not_completed',
      message: `Job "${id}" is ${status}; it has no content.`,
    }),
  payloadTooLarge: (limitMb: number) =>
    refused(413, 'payload_too_large', `The request body is over the limit of ${limitMb} MB.`),
  fileTooLarge: (param: string, limitMb: number) =>
    refused(
      413,
      'payload_too_large',
      `${param}: the file is over the limit of ${limitMb} MB (ROUNDHOUSE_UPLOAD_MAX_MB).`,
      param,
    ),
  unsupportedMediaType: (type: string, supported = 'application/json') =>
    refused(
      415,
      'unsupported_media_type',
      `Content type "${type}" is not supported here. Send ${supported}.`,
    ),
  queueFull: (model: string, cap: number, retryAfterS: number) =>
    new RoundhouseError({
      status: 429,
      type: 'rate_limit_error',
      code: 'queue_full',
      message: `The queue of "${model}" is full (${cap} jobs wait). Try again in ${retryAfterS} s.`,
      retryable: true,
      retryAfterS,
    }),
  internal: (cause: unknown) =>
    new RoundhouseError({
      status: 500,
      type: 'server_error',
      code: 'internal_error',
      message: 'Something went wrong inside Roundhouse; its log says what.',
      cause,
    }),
  modelError: (message: string) =>
    new RoundhouseError({ status: 500, type: 'server_error', code: 'model_error', message }),
  upstreamBadResponse: (detail: string) =>
    new RoundhouseError({
      status: 502,
      type: 'server_error',
      code: 'upstream_bad_response',
      message: `The model server gave an unusable answer: ${detail}`,
      retryable: true,
    }),
  modelLoadFailed: (model: string, reason: string, logTail: readonly string[], retryAfterS: number) =>
    new RoundhouseError({
      status: 503,
      type: 'server_error',
      code: 'model_load_failed',
      message: [`Model "${model}" could not be started: ${reason}`, ...logTail].join('\n'),
      retryable: true,
      retryAfterS,
    }),
  modelPaused: (model: string) =>
    new RoundhouseError({
      status: 503,
      type: 'server_error',
      code: 'model_paused',
      message: `Model "${model}" is paused by its operator. POST /jobs still takes work for later.`,
      retryable: true,
      retryAfterS: 30,
    }),
  modelCrashed: (model: string, reason: string) =>
    new RoundhouseError({
      status: 503,
      type: 'server_error',
      code: 'model_crashed',
      message: `The server of "${model}" went away during the job: ${reason}`,
      retryable: true,
    }),
  modelHung: (model: string, what: string) =>
    new RoundhouseError({
      status: 503,
      type: 'server_error',
      code: 'model_hung',
      message: `The server of "${model}" stopped answering (${what}) and was ended.`,
      retryable: true,
    }),
  uploadGone: (fileName: string) =>
    new RoundhouseError({
      status: 503,
      type: 'server_error',
      code: 'upload_gone',
      message: `The file "${fileName}" that came with this job cannot be read any more. Send the request again.`,
      retryable: true,
    }),
  executionTimeout: (limitS: number) =>
    new RoundhouseError({
      status: 504,
      type: 'server_error',
      code: 'execution_timeout',
      message: `The job ran longer than its limit of ${limitS} s.`,
    }),
  workerLost: () =>
    new RoundhouseError({
      status: 503,
      type: 'server_error',
      code: 'worker_lost',
      message: 'The worker was lost while the job ran, and no attempt is left.',
      retryable: true,
    }),
  streamInterrupted: (jobId: string) =>
    new RoundhouseError({
      status: 503,
      type: 'server_error',
      code: 'stream_interrupted',
      message:
        'The model server was lost in the middle of this stream. The job runs once more; read its result from the job.',
      jobId,
      retryable: true,
    }),
  cancelled: (jobId: string) =>
    new RoundhouseError({
      status: 409,
      type: 'conflict_error',
      code: 'job_cancelled',
      message: `Job "${jobId}" was cancelled.`,
      jobId,
    }),
  queueTtlExceeded: (jobId: string, ttlS: number) =>
    new RoundhouseError({
      status: 504,
      type: 'server_error',
      code: 'queue_ttl_exceeded',
      message: `Job "${jobId}" did not start within ${ttlS} s.`,
      jobId,
    }),
  modelRemoved: (model: string) =>
    new RoundhouseError({
      status: 503,
      type: 'server_error',
      code: 'model_removed',
      message: `Model "${model}" is no longer in the models file.`,
    }),
  queueUnavailable: (detail: string) =>
    new RoundhouseError({
      status: 503,
      type: 'server_error',
      code: 'queue_unavailable',
      message: `The queue cannot be reached (${detail}). It is tried again by itself; repeat the request in a moment.`,
      retryable: true,
      retryAfterS: 2,
    }),
  artifactUnreachable: (detail: string) =>
    new RoundhouseError({
      status: 503,
      type: 'server_error',
      code: 'artifact_unreachable',
      message: `The worker that keeps this content cannot be reached (${detail}). Try again in a moment.`,
      retryable: true,
      retryAfterS: 5,
    }),
  notReady: (reason: string) =>
    new RoundhouseError({
      status: 503,
      type: 'server_error',
      code: 'not_ready',
      message: `Not ready: ${reason}.`,
      retryable: true,
      retryAfterS: 2,
    }),
  storageFull: (what: string) =>
    new RoundhouseError({
      status: 507,
      type: 'server_error',
      code: 'storage_full',
      message: `No room left: ${what}. Free space, then repeat the request.`,
      retryable: true,
      retryAfterS: 30,
    }),
  shuttingDown: () =>
    new RoundhouseError({
      status: 503,
      type: 'server_error',
      code: 'shutting_down',
      message: 'Roundhouse is stopping and takes no new work.',
      retryable: true,
      retryAfterS: 10,
    }),
  syncTimeout: (jobId: string, waitedS: number) =>
    new RoundhouseError({
      status: 504,
      type: 'server_error',
      code: 'sync_timeout',
      message: `No result within ${waitedS} s. The job goes on: read it at /jobs/${jobId}.`,
      jobId,
    }),
} as const;
