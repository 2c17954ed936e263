import type { Target } from '../../src/platform/http-client.ts';
import type { HttpRequest, UpstreamResponse } from '../../src/platform/http-exchange.ts';

/** One request that a model server got. Its `signal` aborts when we close the connection. */
export interface FakeCall {
  readonly model: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Record<string, unknown>;
  readonly signal: AbortSignal;
}

type Answer = (call: FakeCall) => Promise<UpstreamResponse> | UpstreamResponse;

/** Model servers that are functions. Health counts the calls that are open, as real ones do. */
export class FakeModelHttp {
  readonly calls: FakeCall[] = [];
  answer: Answer = () => jsonAnswer({ ok: true });
  /** What health says is in flight; null: what is really open here. */
  inFlight: number | null = null;
  /** Text of a health answer that is not ours. */
  foreignHealth: string | null = null;
  mostAtOnce = 0;
  private open = 0;
  private readonly most = new Map<string, number>();
  private readonly openOf = new Map<string, number>();

  async request(target: Target, options: HttpRequest): Promise<UpstreamResponse> {
    const model = 'socketPath' in target ? target.socketPath : target.origin;
    if (options.path === '/health') {
      if (this.foreignHealth !== null) return answered(200, 'text/plain', bytes(this.foreignHealth));
      return jsonAnswer({ status: 'READY', in_flight: this.inFlight ?? this.open });
    }
    const { path, headers = {}, signal = new AbortController().signal } = options;
    const call = { model, path, headers, signal, body: JSON.parse(String(options.body)) };
    this.calls.push(call);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.open);
    this.count(model, 1);
    try {
      return await orAborted(Promise.resolve(this.answer(call)), signal);
    } finally {
      this.open -= 1;
      this.count(model, -1);
    }
  }

  /** The most calls that were ever open at once on one model. */
  mostOf(model: string): number {
    return this.most.get(model) ?? 0;
  }

  private count(model: string, by: number): void {
    const now = (this.openOf.get(model) ?? 0) + by;
    this.openOf.set(model, now);
    this.most.set(model, Math.max(this.mostOf(model), now));
  }
}

export const answered = (
  status: number,
  contentType: string,
  pieces: AsyncIterable<Uint8Array>,
): UpstreamResponse => {
  const text = async () => (await whole(pieces)).toString('utf8');
  return { status, headers: { 'content-type': contentType }, body: Object.assign(pieces, { text }) };
};

export const jsonAnswer = (body: unknown, status = 200): UpstreamResponse =>
  answered(status, 'application/json', bytes(typeof body === 'string' ? body : JSON.stringify(body)));

export const eventsAnswer = (pieces: AsyncIterable<Uint8Array>): UpstreamResponse =>
  answered(200, 'text/event-stream', pieces);

export async function whole(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

export async function* bytes(...pieces: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
}

/** Never answers; ends when the connection is closed. */
export const silence = ({ signal }: FakeCall): Promise<never> => orAborted(new Promise(() => {}), signal);

export function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    promise.then(resolve, reject);
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
