import type { ServerResponse } from 'node:http';
import type { ErrorBody } from '../contracts/errors.ts';
import { PiecewiseBody } from './piecewise-body.ts';

/** What a reader may leave unread of tokens. */
const tokensUnreadBytes = 1024 * 1024;

/** Server-sent events as OpenAI's clients read them: data lines and comments, nothing else. */
export class EventStream {
  private readonly response: ServerResponse;
  private readonly body: PiecewiseBody;
  private readonly mostUnreadBytes: number;

  constructor(response: ServerResponse, mostUnreadBytes = tokensUnreadBytes) {
    this.response = response;
    this.body = new PiecewiseBody(response);
    this.mostUnreadBytes = mostUnreadBytes;
  }

  /** Decides on the status and the headers; they leave with the first data. */
  open(): void {
    this.response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
  }

  /** Sends the headers now. */
  flush(): void {
    this.response.flushHeaders();
  }

  /** A payload with line ends becomes one event of several data lines. */
  data(payloads: readonly string[]): void {
    let text = '';
    for (const payload of payloads) text += `data: ${oneEvent(payload)}\n\n`;
    this.body.write(text);
  }

  comment(text: string): void {
    this.body.write(`: ${text.replaceAll(/[\r\n]+/g, ' ')}\n\n`);
  }

  error(error: ErrorBody): void {
    this.data([JSON.stringify({ error })]);
  }

  /** Ends the stream as clients expect it to end. */
  done(): void {
    this.response.end('data: [DONE]\n\n');
  }

  /** Whether the reader has fallen so far behind that it would cost us memory. */
  get isOverrun(): boolean {
    return this.response.writableLength > this.mostUnreadBytes;
  }
}

const oneEvent = (payload: string): string =>
  /[\r\n]/.test(payload) ? payload.replaceAll(/\r\n|\r|\n/g, '\ndata: ') : payload;
