import { errors } from '../contracts/error-catalogue.ts';
import type { ErrorBody } from '../contracts/errors.ts';

const excerptLength = 512;

/** A model server's refusal or failure in our envelope: its message kept, its shape and inner addresses not. */
export function upstreamError(status: number, text: string): ErrorBody {
  const told = readError(text);
  const message = withoutAddresses(told?.message ?? (excerpt(text) || `HTTP ${status} without a body`));
  if (status >= 400 && status < 500) {
    return {
      message,
      type: 'invalid_request_error',
      param: told?.param ?? null,
      code: told?.code ?? 'invalid_value',
      retryable: false,
    };
  }
  if (told === null) return errors.upstreamBadResponse(`HTTP ${status}: ${message}`).toBody();
  return errors.modelError(message).toBody();
}

export interface ToldError {
  readonly message: string;
  readonly code: string | null;
  readonly param: string | null;
}

/** The error in the shapes that model servers use: OpenAI's and vLLM's `{error}`, FastAPI's `{detail}`. */
export function readError(text: string): ToldError | null {
  const body = parse(text);
  if (body === null) return null;
  const error = body.error ?? body;
  if (typeof error === 'string') return { message: error, code: null, param: null };
  if (isObject(error) && typeof error.message === 'string') {
    return { message: error.message, code: word(error.code), param: word(error.param) };
  }
  return readDetail(body.detail);
}

/** An error that comes as an event of a stream; a cheap look first, since nearly no payload is one. */
export function toldInStream(payload: string): ToldError | null {
  if (!payload.includes('"error"')) return null;
  const body = parse(payload);
  if (body === null || !(body.object === 'error' || body.error)) return null;
  return readError(payload) ?? { message: excerpt(payload), code: null, param: null };
}

/** FastAPI: a sentence, a list of `{loc, msg}`, or whatever a service puts there. */
function readDetail(detail: unknown): ToldError | null {
  if (typeof detail === 'string') return { message: detail, code: null, param: null };
  if (isObject(detail) && !Array.isArray(detail)) return readError(JSON.stringify(detail));
  if (!Array.isArray(detail) || detail.length === 0) return null;
  const problems = detail.filter(isObject).map(({ loc, msg }) => ({ path: pathOf(loc), msg: String(msg) }));
  const message = problems.map(({ path, msg }) => (path === null ? msg : `${path}: ${msg}`)).join('; ');
  return { message, code: null, param: problems[0]?.path ?? null };
}

const pathOf = (loc: unknown): string | null =>
  Array.isArray(loc) ? loc.filter((part) => part !== 'body').join('.') || null : null;

/** A code is a word such as `context_length_exceeded`; vLLM sends the status number instead. */
const word = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' && !/^\d+$/.test(value) ? value : null;

/** Sockets and loopback addresses of model servers are nobody's business outside. */
export const withoutAddresses = (text: string): string =>
  text
    .replace(
      /\b(https?|unix):\/\/(localhost|127\.[\d.]+|\[::1\])(:\d+)?(?=[/\s"',;)]|$)/g,
      'the model server',
    )
    .replace(/\b(127\.[\d.]+|localhost|\[::1\]):\d+/g, 'the model server')
    .replace(/(^|[\s"'(=])(\/[\w.@-]+)+\.sock\b/g, '$1its socket');

export const excerpt = (text: string): string =>
  text.length > excerptLength ? `${text.slice(0, excerptLength).toWellFormed()}…` : text;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

function parse(text: string): Record<string, unknown> | null {
  try {
    const body: unknown = JSON.parse(text);
    return isObject(body) ? body : null;
  } catch {
    return null;
  }
}
