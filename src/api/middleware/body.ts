import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errors } from '../../contracts/error-catalogue.ts';
import { nestsDeeperThan } from '../json-depth.ts';
import { bodyLimits } from './limits.ts';

export interface JsonBody {
  /** As the client sent it. */
  readonly text: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/**
 * Reads a body that says that it is JSON.
 * @throws unsupported_media_type, payload_too_large, invalid_json
 */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  supported = 'application/json',
): Promise<Buffer> {
  checkMediaType(request, supported);
  checkDeclaredLength(request, response);
  if (request.headers.expect !== undefined) response.writeContinue();
  return readBytes(request);
}

/** A body that must be a JSON object. @throws invalid_json */
export function parseBody(bytes: Buffer): JsonBody {
  if (!isUtf8(bytes)) throw errors.invalidJson('it is not UTF-8');
  const text = bytes.toString('utf8');
  return { text, value: parseObject(text) };
}

function checkMediaType({ headers }: IncomingMessage, supported: string): void {
  const type = headers['content-type'] ?? '';
  const essence = type.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (essence !== 'application/json' && !essence.endsWith('+json')) {
    throw errors.unsupportedMediaType(type.slice(0, 100), supported);
  }
  const coding = headers['content-encoding'] ?? 'identity';
  if (coding !== 'identity') throw errors.unsupportedMediaType(`${essence}, content-encoding ${coding}`);
}

function checkDeclaredLength({ headers }: IncomingMessage, response: ServerResponse): void {
  const declared = Number(headers['content-length'] ?? 0);
  if (declared <= bodyLimits.maxBytes) return;
  if (declared > bodyLimits.drainBytes || headers.expect !== undefined)
    response.setHeader('connection', 'close');
  throw errors.payloadTooLarge(bodyLimits.maxMb);
}

function readBytes(request: IncomingMessage): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= bodyLimits.maxBytes) chunks.push(chunk);
    else if (size <= bodyLimits.drainBytes) reject(errors.payloadTooLarge(bodyLimits.maxMb));
    else request.destroy();
  });
  request.once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
  // An error is always followed by `close`, which tells the rest.
  request.once('error', () => undefined);
  request.once('close', () => {
    if (!request.complete) reject(errors.invalidJson('it ended early'));
  });
  return promise;
}

function parseObject(text: string): Record<string, unknown> {
  if (nestsDeeperThan(text, bodyLimits.maxDepth)) {
    throw errors.invalidJson(`it nests deeper than ${bodyLimits.maxDepth} levels`);
  }
  const value = parse(text);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw errors.invalidJson(
      `it is ${Array.isArray(value) ? 'a list' : `a ${value === null ? 'null' : typeof value}`}`,
    );
  }
  return value as Record<string, unknown>;
}

function parse(text: string): unknown {
  if (text.trim() === '') throw errors.invalidJson('it is empty');
  try {
    return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch (error) {
    throw errors.invalidJson(error instanceof Error ? error.message : String(error));
  }
}
