import { errors } from '../contracts/error-catalogue.ts';
import type { JobResult } from '../contracts/job.ts';
import { mediaEndpoints } from '../contracts/media-output.ts';
import { eachChunk } from '../platform/each-chunk.ts';
import { donePayload, EventPayloads } from './event-payloads.ts';
import { GenerationFailed } from './generation-failed.ts';
import { expectedOf } from './kept-files.ts';
import { MediaEvents } from './media-events.ts';
import type { AnswerContext } from './read-answer.ts';
import { StreamAssembly } from './stream-assembly.ts';
import { TypedEvents } from './typed-events.ts';
import { toldInStream, withoutAddresses } from './upstream-error.ts';

/** Of a stream; what is longer is relayed and not kept. */
const mostKeptBytes = 16_777_216;

/** Puts the answer of a stream together. */
interface Assembly {
  /** Whether anything came that says more than that an answer will follow. */
  readonly hasToken: boolean;
  readonly isFinished: boolean;
  /** Takes time only where files are kept. @throws GenerationFailed, storage_full */
  addAll(payloads: readonly string[]): void | Promise<void>;
  result(): Pick<JobResult, 'output' | 'usage'> & Partial<Pick<JobResult, 'files'>>;
}

/** Paths whose events say of what type they are. */
const typedEndpoints: ReadonlySet<string> = new Set(['/v1/responses', '/v1/audio/transcriptions']);

function assemblyFor({ claim, artifacts }: AnswerContext): Assembly {
  const { record, body } = claim;
  if (mediaEndpoints.has(record.endpoint))
    return new MediaEvents(artifacts, record, expectedOf(record, body));
  return typedEndpoints.has(record.endpoint)
    ? new TypedEvents(mostKeptBytes)
    : new StreamAssembly(mostKeptBytes);
}

/**
 * Sends a stream's payloads on as they come and keeps the whole answer for the record.
 * @throws GenerationFailed when the stream tells an error or ends before the answer does; storage_full
 */
export async function relayEvents(
  body: AsyncIterable<Uint8Array>,
  context: AnswerContext,
): Promise<JobResult> {
  const { claim, chunks, onSign } = context;
  const assembly = assemblyFor(context);
  const send = (payloads: readonly string[]) => {
    if (assembly.hasToken) onSign();
    chunks.push(payloads);
  };
  const push = (payloads: readonly string[]) => {
    const adding = assembly.addAll(payloads);
    return adding ? adding.then(() => send(payloads)) : send(payloads);
  };
  const isDone = await relay(body, push);
  chunks.flush();
  if (!assembly.isFinished && mustFinish(claim, isDone)) {
    const problem = errors.upstreamBadResponse('the stream ended before the answer did');
    throw new GenerationFailed(problem.toBody(), 'server');
  }
  return { files: [], ...assembly.result() };
}

/** A stream of images without one is none, whatever its end says. */
function mustFinish({ record }: AnswerContext['claim'], isDone: boolean): boolean {
  if (mediaEndpoints.has(record.endpoint)) return true;
  return !isDone && (record.modelType === 'text' || typedEndpoints.has(record.endpoint));
}

/** Whether the stream said that it is done. */
async function relay(
  body: AsyncIterable<Uint8Array>,
  push: (payloads: readonly string[]) => void | Promise<void>,
): Promise<boolean> {
  const reader = new EventPayloads();
  let isDone = false;
  const take = (payloads: readonly string[]): 'stop' | undefined | Promise<'stop' | undefined> => {
    if (payloads.length === 0) return undefined;
    const end = payloads.findIndex(isEnd);
    const pushing = end === 0 ? undefined : push(end === -1 ? payloads : payloads.slice(0, end));
    const verdict = (): 'stop' | undefined => {
      if (end === -1) return undefined;
      if (payloads[end] !== donePayload) throw toldFailure(payloads[end] ?? '');
      isDone = true;
      return 'stop';
    };
    return pushing ? pushing.then(verdict) : verdict();
  };
  await eachChunk(body, (chunk) => take(reader.feed(chunk)));
  if (!isDone) await take(reader.end());
  return isDone;
}

const isEnd = (payload: string): boolean => payload === donePayload || toldInStream(payload) !== null;

function toldFailure(payload: string): GenerationFailed {
  const told = toldInStream(payload);
  const isCallers = /"(invalid_request_error|BadRequestError)"/.test(payload);
  const body = errors.modelError(withoutAddresses(told?.message ?? '')).toBody();
  if (!isCallers) return new GenerationFailed(body, 'server');
  const code = told?.code ?? 'invalid_value';
  const refusal = { ...body, type: 'invalid_request_error', code, param: told?.param ?? null } as const;
  return new GenerationFailed(refusal, 'caller');
}
