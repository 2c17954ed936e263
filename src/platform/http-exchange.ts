import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { UpstreamBody } from './upstream-body.ts';

export interface HttpRequest {
  readonly method: string;
  /** From the slash on, query included. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Pieces are sent as they come; what they throw is thrown by the request. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Its abort closes the connection to the server at once, also while the body is read. */
  readonly signal?: AbortSignal;
}

export interface UpstreamResponse {
  readonly status: number;
  /** Names in lower case; a repeated one is joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** Read it to its end, leave its loop, or abort: until then it holds a connection. */
  readonly body: AsyncIterable<Uint8Array> & { text(): Promise<string> };
}

/** One request and its answer: what undici tells of them, in the order in which it tells it. */
export class Exchange implements Dispatcher.DispatchHandler {
  private readonly options: HttpRequest;
  private readonly resolve: (response: UpstreamResponse) => void;
  private readonly reject: (reason: unknown) => void;
  private readonly sent: string | Uint8Array | Readable | null;
  private controller: Dispatcher.DispatchController | null = null;
  private body: UpstreamBody | null = null;
  isOver = false;

  constructor(
    options: HttpRequest,
    resolve: (response: UpstreamResponse) => void,
    reject: (reason: unknown) => void,
  ) {
    this.options = options;
    this.resolve = resolve;
    this.reject = reject;
    this.sent = sendable(options.body ?? null);
    options.signal?.addEventListener('abort', this.abort);
    if (options.signal?.aborted) this.abort();
  }

  begin(pool: Dispatcher): void {
    const { method, path, headers = {} } = this.options;
    try {
      pool.dispatch({ method: method as Dispatcher.HttpMethod, path, headers, body: this.sent }, this);
    } catch (error) {
      this.fail(error);
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.isOver) controller.abort(errorOf(this.options.signal));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (status < 200) return;
    this.body = new UpstreamBody(controller, () => this.forgetSignal());
    this.resolve({ status, headers: flat(headers), body: this.body });
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.body?.push(chunk);
  }

  /** What lies there unread can still be given up. */
  onResponseEnd(): void {
    this.isOver = true;
    this.body?.finish();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  private readonly abort = (): void => {
    const { signal } = this.options;
    const wasOver = this.isOver;
    this.fail(signal?.reason);
    if (wasOver) this.body?.fail(signal?.reason);
    else this.controller?.abort(errorOf(signal));
  };

  private fail(error: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.forgetSignal();
    if (this.sent instanceof Readable) this.sent.on('error', () => {}).destroy();
    if (this.body === null) this.reject(error);
    else this.body.fail(error);
  }

  private forgetSignal(): void {
    this.options.signal?.removeEventListener('abort', this.abort);
  }
}

const errorOf = (signal: AbortSignal | undefined): Error =>
  signal?.reason instanceof Error ? signal.reason : new Error(String(signal?.reason));

const sendable = (body: NonNullable<HttpRequest['body']> | null): string | Uint8Array | Readable | null =>
  body === null || typeof body === 'string' || body instanceof Uint8Array
    ? body
    : Readable.from(body, { objectMode: false });

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name] ?? '';
    pairs[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return pairs;
}
