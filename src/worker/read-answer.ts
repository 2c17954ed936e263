import { formatNamed } from '../contracts/file-signature.ts';
import type { JobResult } from '../contracts/job.ts';
import { mediaEndpoints } from '../contracts/media-output.ts';
import type { UpstreamResponse } from '../platform/http-exchange.ts';
import { pieceOf } from '../platform/stream-head.ts';
import type { ChunkSender } from './chunk-sender.ts';
import { GenerationFailed } from './generation-failed.ts';
import { expectedOf, KeptFiles } from './kept-files.ts';
import { readMediaJson } from './media-answer.ts';
import { parseJson, unusable } from './parse-json.ts';
import type { ArtifactSink, ClaimedJob } from './ports.ts';
import { relayEvents } from './relay-events.ts';
import { upstreamError } from './upstream-error.ts';

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
  if (response.status < 400 && isJson(type) && isSmall(response) && !isMedia(context))
    return readSmallJson(response, context);
  const body = watched(response.body, context.onSign);
  if (response.status >= 400) throw await readFailure(response.status, body);
  if (isJson(type))
    return isMedia(context) ? readMediaJson(body, context, expected(context)) : readJson(body, context);
  if (type.startsWith('text/html'))
    throw unusable(`HTML instead of a result: ${(await readText(body)).text}`);
  return readFile(body, type || 'application/octet-stream', context);
}

const isMedia = ({ claim }: AnswerContext): boolean => mediaEndpoints.has(claim.record.endpoint);
const expected = ({ claim }: AnswerContext) => expectedOf(claim.record, claim.body);

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
  const output = parseJson(text);
  const usage = typeof output === 'object' && output !== null && 'usage' in output ? output.usage : null;
  return { output, usage: usage ?? null, files: [] };
}

/** The answer that a stream came to, in a file when it is too large for the record. */
async function kept(result: JobResult, context: AnswerContext): Promise<JobResult> {
  if (result.files.length > 0) return result;
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
  const kept = new KeptFiles(artifacts, claim.record);
  await kept.add(body, { kind: null, format: formatNamed(type) }, type);
  return { output: null, usage: null, files: kept.files };
}

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
