import { setImmediate } from 'node:timers/promises';
import { parseApiKey } from '../../src/api/api-keys.ts';
import type { ApiSettings } from '../../src/api/dependencies.ts';
import { HttpServer } from '../../src/api/http-server.ts';
import type { Registry } from '../../src/contracts/registry.ts';
import { SignedLinks } from '../../src/platform/signed-links.ts';
import { EventRecorder } from '../helpers/event-recorder.ts';
import { FakeClock } from '../helpers/fake-clock.ts';
import { threeModels } from './a-registry.ts';
import { FakeArtifacts, FakeBoard, FakeLogs } from './fake-board.ts';
import type { FakeJob } from './fake-job.ts';
import { FakeQueue } from './fake-queue.ts';
import { FakeUploads } from './fake-uploads.ts';

export const apiKey = 'rh_test_key';
export const linkSecret = 'secret of a test';
export const otherKey = 'rh_other_key';

export interface ApiBoxOptions {
  readonly registry?: Registry;
  readonly settings?: Partial<ApiSettings>;
}

/** The real API on a port of its own, with a queue in memory and a clock that the test moves. */
export class ApiBox {
  readonly clock = new FakeClock();
  readonly queue = new FakeQueue(() => this.clock.now());
  readonly board = new FakeBoard(() => this.clock.now());
  readonly artifacts = new FakeArtifacts();
  readonly uploads = new FakeUploads();
  readonly logs = new FakeLogs();
  readonly events = new EventRecorder();
  readonly server: HttpServer;
  registry: Registry;

  private constructor({ registry = threeModels(), settings = {} }: ApiBoxOptions) {
    this.registry = registry;
    this.server = new HttpServer({
      settings: {
        host: '127.0.0.1',
        port: 0,
        publicUrl: null,
        syncMaxWaitMs: 280_000,
        disconnectGraceMs: 15_000,
        uploadMaxBytes: 1024 * 1024,
        ...settings,
      },
      registry: () => this.registry,
      jobs: this.queue,
      inbox: this.queue,
      board: this.board,
      artifacts: this.artifacts,
      uploads: this.uploads,
      links: new SignedLinks(linkSecret),
      logs: this.logs,
      keys: [parseApiKey(apiKey), parseApiKey(otherKey)],
      clock: this.clock,
      emit: (event) => this.events.emit(event as never),
    });
  }

  static async open(options: ApiBoxOptions = {}): Promise<ApiBox> {
    const box = new ApiBox(options);
    await box.server.start();
    return box;
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  /** With the key, and JSON where there is a body. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${apiKey}`);
    if (init.body !== undefined && !(init.body instanceof FormData) && !headers.has('content-type'))
      headers.set('content-type', 'application/json');
    return fetch(`${this.url}${path}`, { ...init, headers });
  }

  post(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
    return this.fetch(path, { method: 'POST', body: JSON.stringify(body), ...init });
  }

  /** The next job that the API hands to the queue, when its connection already waits for it. */
  async nextJob(): Promise<FakeJob> {
    const job = await this.queue.next();
    await setImmediate();
    return job;
  }

  /** Nothing is left running, and no wait is left open. */
  async [Symbol.asyncDispose](): Promise<void> {
    let isStopped = false;
    const stopped = this.server.stop(AbortSignal.abort()).finally(() => {
      isStopped = true;
    });
    while (!isStopped) await this.clock.advance(100);
    await stopped;
  }
}

export interface ErrorAnswer {
  readonly error: {
    message: string;
    type: string;
    param: string | null;
    code: string;
    job_id?: string;
    retryable?: boolean;
  };
}

export async function errorOf(response: Response): Promise<ErrorAnswer['error']> {
  return ((await response.json()) as ErrorAnswer).error;
}
