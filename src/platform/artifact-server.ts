import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { asJobId } from '../contracts/ids.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { parseRange } from './byte-range.ts';
import { isSameSecret } from './same-secret.ts';
import type { Service } from './service.ts';

export interface ArtifactServerOptions {
  readonly store: ArtifactStore;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** What the other half sends as bearer token; requests wait until it is known. */
  readonly token: string | Promise<string>;
}

const routePattern = /^\/artifacts\/(job_[0-9A-Z]{26})\/(\d{1,6})$/;

/**
 * Between split roles the worker serves what its models made, and the API what clients sent:
 * `GET /artifacts/<jobId>/<index>`, with `Range`.
 */
export class ArtifactServer implements Service {
  readonly name = 'artifact server';
  private readonly options: ArtifactServerOptions;
  private readonly server: Server;

  constructor(options: ArtifactServerOptions) {
    if (options.token === '') throw new Error('an artifact server needs a token');
    this.options = options;
    this.server = createServer((request, response) => void this.answer(request, response));
  }

  /** Base URL, known once it listens. */
  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    const { host } = this.options;
    return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  async start(): Promise<void> {
    const { host, port } = this.options;
    this.server.listen({ host, port });
    await once(this.server, 'listening');
    this.server.on('error', () => {}); // such as too many open files: the connection is refused, the next may work
  }

  /** Transfers go on until the deadline; what is cut off is resumed by the client. */
  async stop(deadline: AbortSignal): Promise<void> {
    if (!this.server.listening) return;
    const cut = (): void => this.server.closeAllConnections();
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeIdleConnections();
    if (deadline.aborted) cut();
    deadline.addEventListener('abort', cut, { once: true });
    await closed;
    deadline.removeEventListener('abort', cut);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (this.isWelcome(request, response, await this.options.token)) await this.sendFile(request, response);
    } catch {
      if (response.headersSent) response.destroy();
      else end(response, 500);
    }
  }

  private isWelcome(request: IncomingMessage, response: ServerResponse, expected: string): boolean {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (expected === '' || !isSameSecret(token, expected))
      return end(response, 401, { 'www-authenticate': 'Bearer' });
    if (request.method !== 'GET') return end(response, 405, { allow: 'GET' });
    return true;
  }

  private async sendFile(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, jobId, index] = routePattern.exec(request.url ?? '') ?? [];
    const file = jobId === undefined ? null : await this.options.store.find(asJobId(jobId), Number(index));
    if (file === null) return void end(response, 404);
    const range = parseRange(request.headers.range, file.bytes);
    if (range === 'unsatisfiable') {
      await file.close();
      return void end(response, 416, { 'content-range': `bytes */${file.bytes}` });
    }
    const { start, end: last } = range ?? { start: 0, end: file.bytes - 1 };
    response.statusCode = range === null ? 200 : 206;
    response.setHeader('content-type', 'application/octet-stream');
    response.setHeader('content-length', last - start + 1);
    response.setHeader('accept-ranges', 'bytes');
    if (range !== null) response.setHeader('content-range', `bytes ${start}-${last}/${file.bytes}`);
    await pipeline(file.read(range ?? undefined), response);
  }
}

function end(response: ServerResponse, status: number, headers: Record<string, string> = {}): false {
  response.writeHead(status, headers).end();
  return false;
}
