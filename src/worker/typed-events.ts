import { errors } from '../contracts/error-catalogue.ts';
import { GenerationFailed } from './generation-failed.ts';
import { withoutAddresses } from './upstream-error.ts';

/** Puts a stream together whose events have types, such as those of `/v1/responses`: its last event has the answer. */
export class TypedEvents {
  hasToken = false;
  isFinished = false;
  private output: unknown = null;
  private usage: unknown = null;
  private readonly mostBytes: number;

  /** @param mostBytes of the last event; a larger one is relayed and not kept */
  constructor(mostBytes: number) {
    this.mostBytes = mostBytes;
  }

  /** @throws GenerationFailed when an event tells of a failure */
  addAll(payloads: readonly string[]): void {
    for (const payload of payloads) this.add(payload);
  }

  result(): { readonly output: unknown; readonly usage: unknown } {
    return { output: this.output, usage: this.usage };
  }

  private add(payload: string): void {
    const event = parse(payload);
    if (event === null) return;
    this.hasToken ||= !openings.has(String(event.type));
    const failure = failureOf(event);
    if (failure !== null) throw failure;
    const answer = answerOf(event);
    if (answer === null) return;
    this.isFinished = true;
    if (payload.length > this.mostBytes) return;
    this.output = answer;
    this.usage = answer.usage ?? null;
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** They say that an answer will follow, long before its first token. */
const openings = new Set(['response.created', 'response.queued', 'response.in_progress']);

/** The answer as it would have come without `stream`. */
function answerOf({ type, response, ...rest }: Fields): Fields | null {
  if (type === 'response.completed' || type === 'response.incomplete')
    return isFields(response) ? response : {};
  return type === 'transcript.text.done' ? rest : null;
}

function failureOf({ type, response, message }: Fields): GenerationFailed | null {
  if (type === 'error') return failed(message);
  if (type !== 'response.failed') return null;
  const error = isFields(response) ? response.error : null;
  return failed(isFields(error) ? error.message : null);
}

const failed = (message: unknown): GenerationFailed =>
  new GenerationFailed(
    errors.modelError(withoutAddresses(String(message ?? 'the response failed'))).toBody(),
    'server',
  );

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

function parse(payload: string): Fields | null {
  try {
    const value: unknown = JSON.parse(payload);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}
