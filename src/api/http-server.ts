import { createServer, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { errors } from '../contracts/error-catalogue.ts';
import type { Service } from '../platform/service.ts';
import { createApp } from './app.ts';
import { BoardView } from './board-view.ts';
import type { Api, ApiDependencies } from './dependencies.ts';
import { LargeBodies } from './large-bodies.ts';
import { listenProblem } from './listen-problem.ts';
import { LiveJobs } from './live-jobs.ts';
import { messageClasses } from './message-classes.ts';
import { connectionLimits } from './middleware/limits.ts';

const farewellMs = 1000;
const idleCheckMs = 100;

/** The API on its port. */
export class HttpServer implements Service {
  readonly name = 'http';
  private readonly api: Api;
  private readonly server: Server;
  private readonly role: string;

  constructor(dependencies: ApiDependencies, role = 'all') {
    const { board, clock } = dependencies;
    this.role = role;
    this.api = {
      ...dependencies,
      startedAtMs: clock.now(),
      boardView: new BoardView(board, clock),
      liveJobs: new LiveJobs(dependencies),
      largeBodies: new LargeBodies(),
    };
    const app = createApp(this.api);
    this.server = createServer({ ...serverOptions, ...messageClasses(app) }, app);
    this.server.on('checkContinue', app);
    this.server.on('clientError', answerUnreadable);
  }

  /** The one it listens on. @throws when it does not listen */
  get port(): number {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('the API does not listen');
    return address.port;
  }

  /** @throws one line that says who has the port and what to set */
  async start(): Promise<void> {
    const { host, port } = this.api.settings;
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', (error) => listenProblem(error, host, port).then(reject, reject));
      this.server.listen({ host, port }, resolve);
    });
    this.server.removeAllListeners('error');
    this.server.on('error', (error) =>
      this.api.emit({ type: 'system.fault', where: 'http', message: error.message }),
    );
    this.api.emit({ type: 'http.listening', host, port: this.port, role: this.role });
  }

  /** Takes nothing new, lets open requests end until the deadline, then tells the rest that it stops. */
  async stop(deadline: AbortSignal): Promise<void> {
    if (!this.server.listening) return;
    this.api.liveJobs.beginStop();
    const closed = new AbortController();
    this.server.close(() => closed.abort());
    await this.letRequestsEnd(AbortSignal.any([deadline, closed.signal]));
    this.api.liveJobs.stop();
    await this.api.clock.sleep(farewellMs, closed.signal);
    this.server.closeAllConnections();
  }

  /** Clients keep connections alive, so each is closed as soon as its request is answered. */
  private async letRequestsEnd(end: AbortSignal): Promise<void> {
    while (!end.aborted) {
      this.server.closeIdleConnections();
      await this.api.clock.sleep(idleCheckMs, end);
    }
  }
}

const serverOptions = {
  maxHeaderSize: connectionLimits.maxHeaderBytes,
  headersTimeout: connectionLimits.headersTimeoutMs,
  requestTimeout: connectionLimits.requestTimeoutMs,
  keepAliveTimeout: connectionLimits.keepAliveTimeoutMs,
} as const;

const unreadable: Readonly<Record<string, { status: 400 | 408 | 431; text: string; detail: string }>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    text: 'Request Header Fields Too Large',
    detail: `its headers are over ${connectionLimits.maxHeaderBytes / 1024} KiB`,
  },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, text: 'Request Timeout', detail: 'it did not arrive in time' },
};
const malformed = { status: 400, text: 'Bad Request', detail: 'it is not HTTP/1.1' } as const;

/** What Node cannot parse never reaches the app; it gets the same envelope. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, text, detail } = unreadable[error.code ?? ''] ?? malformed;
  const body = JSON.stringify({ error: errors.malformedRequest(status, detail).toBody() });
  const head = [
    `HTTP/1.1 ${status} ${text}`,
    'connection: close',
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'x-should-retry: false',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
