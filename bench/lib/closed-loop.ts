import { once } from 'node:events';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { monotonicMs } from './latency.ts';

export interface LoadOptions {
  readonly target: NetConnectOpts;
  /** The bytes of one request. */
  readonly request: Buffer;
  readonly connections: number;
  readonly durationMs: number;
}

export interface LoadResult {
  /** From the first byte sent to the last byte received. */
  readonly latenciesMs: number[];
  /** The same to the first byte of the body. */
  readonly firstBytesMs: number[];
  readonly tookMs: number;
}

/** An HTTP/1.1 request over a raw socket: the client must cost less than what it measures. */
export function rawRequest(
  path: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const text = JSON.stringify(body);
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: localhost',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${text}`);
}

/** Every connection sends its next request when the answer to the last one is complete. @throws on any answer but 200 */
export async function closedLoop({
  target,
  request,
  connections,
  durationMs,
}: LoadOptions): Promise<LoadResult> {
  const result = { latenciesMs: [] as number[], firstBytesMs: [] as number[] };
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(target)));
  const startMs = monotonicMs();
  const untilMs = startMs + durationMs;
  await Promise.all(sockets.map((socket) => repeat(socket, request, untilMs, result)));
  const tookMs = monotonicMs() - startMs;
  for (const socket of sockets) socket.destroy();
  return { ...result, tookMs };
}

async function open(target: NetConnectOpts): Promise<Socket> {
  const socket = connect(target);
  socket.setNoDelay(true);
  await once(socket, 'connect');
  return socket;
}

function repeat(
  socket: Socket,
  request: Buffer,
  untilMs: number,
  { latenciesMs, firstBytesMs }: Pick<LoadResult, 'latenciesMs' | 'firstBytesMs'>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let sentMs = 0;
    let answer = new AnswerReader();
    const send = (): void => {
      answer = new AnswerReader();
      sentMs = monotonicMs();
      socket.write(request);
    };
    socket.on('data', (bytes) => {
      const hadBody = answer.hasBody;
      const isWhole = answer.read(bytes);
      if (answer.status !== 0 && answer.status !== 200)
        return reject(new Error(`answered ${answer.status}: ${bytes.toString('utf8').slice(-300)}`));
      const nowMs = monotonicMs();
      if (!hadBody && answer.hasBody) firstBytesMs.push(nowMs - sentMs);
      if (!isWhole) return;
      latenciesMs.push(nowMs - sentMs);
      if (nowMs < untilMs) send();
      else resolve();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection')));
    send();
  });
}

const lastChunk = Buffer.from('\r\n0\r\n\r\n');

/** As much of HTTP/1.1 as tells where an answer ends. */
class AnswerReader {
  status = 0;
  hasBody = false;
  private head: Buffer = Buffer.alloc(0);
  private rest = -1;
  private isChunked = false;
  private tail: Buffer = Buffer.alloc(0);

  /** True with the last byte of the answer. */
  read(bytes: Buffer): boolean {
    const body = this.status === 0 ? this.readHead(bytes) : bytes;
    if (body.length > 0) this.hasBody = true;
    if (!this.isChunked) {
      this.rest -= body.length;
      return this.status !== 0 && this.rest <= 0;
    }
    this.tail = Buffer.concat([this.tail, body]).subarray(-lastChunk.length);
    return this.tail.equals(lastChunk);
  }

  private readHead(bytes: Buffer): Buffer {
    this.head = this.head.length === 0 ? bytes : Buffer.concat([this.head, bytes]);
    const end = this.head.indexOf('\r\n\r\n');
    if (end === -1) return Buffer.alloc(0);
    const head = this.head.toString('latin1', 0, end).toLowerCase();
    this.status = Number(head.slice(9, 12));
    this.isChunked = head.includes('transfer-encoding: chunked');
    this.rest = Number(/content-length: *(\d+)/.exec(head)?.[1] ?? 0);
    return this.head.subarray(end + 4);
  }
}
