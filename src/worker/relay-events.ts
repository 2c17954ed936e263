import { errors } from '../contracts/error-catalogue.ts';
import type { JobResult } from '../contracts/job.ts';
import { donePayload, eventPayloads } from './event-payloads.ts';
import { GenerationFailed } from './generation-failed.ts';
import type { AnswerContext } from './read-answer.ts';
import { StreamAssembly } from './stream-assembly.ts';
import { toldInStream, withoutAddresses } from './upstream-error.ts';

/** Of a stream; what is longer is relayed and not kept. */
const mostKeptBytes = 16_777_216;

/**
 * Sends a stream's payloads on as they come and keeps the whole answer for the record.
 * @throws GenerationFailed when the stream tells an error or ends before the answer does
 */
export async function relayEvents(
  body: AsyncIterable<Uint8Array>,
  { claim, chunks, onSign }: AnswerContext,
): Promise<JobResult> {
  const assembly = new StreamAssembly(mostKeptBytes);
  const push = (payloads: readonly string[]) => {
    for (const payload of payloads) assembly.add(payload);
    if (assembly.hasToken) onSign();
    chunks.push(payloads);
  };
  const isDone = await relay(body, push);
  chunks.flush();
  if (!isDone && !assembly.isFinished && claim.record.modelType === 'text') {
    const problem = errors.upstreamBadResponse('the stream ended before the answer did');
    throw new GenerationFailed(problem.toBody(), 'server');
  }
  return { ...assembly.result(), files: [] };
}

async function relay(
  body: AsyncIterable<Uint8Array>,
  push: (payloads: readonly string[]) => void,
): Promise<boolean> {
  for await (const payloads of eventPayloads(body)) {
    const end = payloads.findIndex((payload) => payload === donePayload || toldInStream(payload) !== null);
    const whole = end === -1 ? payloads : payloads.slice(0, end);
    if (whole.length > 0) push(whole);
    if (end === -1) continue;
    if (payloads[end] === donePayload) return true;
    throw toldFailure(payloads[end] ?? '');
  }
  return false;
}

function toldFailure(payload: string): GenerationFailed {
  const told = toldInStream(payload);
  const isCallers = /"(invalid_request_error|BadRequestError)"/.test(payload);
  const body = errors.modelError(withoutAddresses(told?.message ?? '')).toBody();
  if (!isCallers) return new GenerationFailed(body, 'server');
  const code = told?.code ?? 'invalid_value';
  const refusal = { ...body, type: 'invalid_request_error', code, param: told?.param ?? null } as const;
  return new GenerationFailed(refusal, 'caller');
}
