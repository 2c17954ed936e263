import { errors } from '../contracts/error-catalogue.ts';
import type { JobResult } from '../contracts/job.ts';
import type { UpstreamResponse } from '../platform/http-client.ts';
import type { ChunkSender } from './chunk-sender.ts';
import { GenerationFailed } from './generation-failed.ts';
import type { ArtifactSink, ClaimedJob } from './ports.ts';
import { relayEvents } from './relay-events.ts';
import { excerpt, upstreamError } from './upstream-error.ts';

/** Results up to this size live in the job's record, larger ones in a file. */
const mostInlineBytes = 262_144;
const mostErrorBytes = 65_536;

export interface AnswerContext {
  readonly claim: ClaimedJob;
  readonly artifacts: ArtifactSink;
  readonly chunks: ChunkSender;
  /** Called at every sign of life of the server: bytes of an answer, tokens of a stream. */
  readonly onSign: () => void;
  readonly onSaving: () => void;
}

/**
 * Reads what the model server sends: JSON into the record, events to the waiting client, anything else into a file.
 * @throws GenerationFailed, storage_full, or what broke the connection
 */
export async function readAnswer(response: UpstreamResponse, context: AnswerContext): Promise<JobResult> {
  const type = (response.headers['content-type'] ?? '').toLowerCase();
  if (response.status < 400 && type.startsWith('text/event-stream'))
    return kept(await relayEvents(response.body, context), context);
  if (response.status < 400 && isJson(type) && isSmall(response)) return readSmallJson(response, context);
  const body = watched(response.body, context.onSign);
  if (response.status >= 400) throw await readFailure(response.status, body);
  if (isJson(type)) return readJson(body, context);
  if (type.startsWith('text/html'))
    throw unusable(`HTML instead of a result: ${(await readText(body)).text}`);
  return readFile(body, type || 'application/octet-stream', context);
}

const isJson = (type: string): boolean => /^application\/([\w.-]+\+)?json\b/.test(type);

/** By its own word, which HTTP holds it to. */
function isSmall({ headers }: UpstreamResponse): boolean {
  const length = headers['content-length'];
  return length !== undefined && Number(length) <= mostInlineBytes;
}

/** The usual answer, in one piece. */
async function readSmallJson({ body }: UpstreamResponse, { onSign }: AnswerContext): Promise<JobResult> {
  onSign();
  const text = await body.text();
  onSign();
  return resultOf(text);
}

async function readFailure(status: number, body: AsyncIterable<Uint8Array>): Promise<GenerationFailed> {
  const { text } = await readText(body);
  const error = upstreamError(status, text);
  if (status < 500) return new GenerationFailed(error, 'caller');
  const isServerBroken = /CUDA error|cublas|cudnn|device-side assert/i.test(error.message);
  const isServerFault = isServerBroken || status > 500 || error.code === 'upstream_bad_response';
  return new GenerationFailed(error, isServerFault ? 'server' : 'model', isServerBroken);
}

async function readJson(body: AsyncIterable<Uint8Array>, context: AnswerContext): Promise<JobResult> {
  const { head, rest } = await readHead(body, mostInlineBytes);
  if (rest !== null) return readFile(chain(head, rest), 'application/json', context);
  return resultOf(Buffer.concat(head).toString('utf8'));
}

function resultOf(text: string): JobResult {
  const output = parse(text);
  const usage = typeof output === 'object' && output !== null && 'usage' in output ? output.usage : null;
  return { output, usage: usage ?? null, files: [] };
}

/** The answer that a stream came to, in a file when it is too large for the record. */
async function kept(result: JobResult, context: AnswerContext): Promise<JobResult> {
  const bytes = Buffer.from(JSON.stringify(result.output));
  if (bytes.length <= mostInlineBytes) return result;
  const { files } = await readFile(pieceOf(bytes), 'application/json', context);
  return { ...result, output: null, files };
}

async function readFile(
  body: AsyncIterable<Uint8Array>,
  type: string,
  { artifacts, claim, onSaving }: AnswerContext,
): Promise<JobResult> {
  onSaving();
  const file = await artifacts.write(claim.record.id, 0, type, body);
  if (file.bytes === 0) throw unusable('an empty file');
  return { output: null, usage: null, files: [file] };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unusable(`not the JSON that it claims to be: ${excerpt(text)}`);
  }
}

export const unusable = (detail: string): GenerationFailed =>
  new GenerationFailed(errors.upstreamBadResponse(excerpt(detail)).toBody(), 'server');

async function* watched(body: AsyncIterable<Uint8Array>, onSign: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    onSign();
    yield chunk;
  }
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<{ text: string }> {
  const { head, rest } = await readHead(body, mostErrorBytes);
  await rest?.return?.();
  return { text: Buffer.concat(head).toString('utf8', 0, mostErrorBytes) };
}

async function* pieceOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

interface Head {
  readonly head: readonly Uint8Array[];
  /** What comes after; null when the head is all there is. */
  readonly rest: AsyncIterator<Uint8Array> | null;
}

async function readHead(body: AsyncIterable<Uint8Array>, mostBytes: number): Promise<Head> {
  const iterator = body[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  for (let bytes = 0; bytes <= mostBytes; ) {
    const { done, value } = await iterator.next();
    if (done) return { head, rest: null };
    head.push(value);
    bytes += value.length;
  }
  return { head, rest: iterator };
}

async function* chain(
  head: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* head;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
