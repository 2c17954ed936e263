import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EventRecorder, type RecordedEvent } from './event-recorder.ts';
import { killMarked, processesMarked } from './processes.ts';

export const projectDir = join(import.meta.dirname, '..', '..');

export interface OrchestratorOptions {
  /** Text of the models file. */
  readonly models: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly role?: 'all' | 'api' | 'worker';
  /** Where it is installed; the default is this checkout. */
  readonly installation?: string;
}

/** A folder of its own for one test: data, runtime and models file, all gone at the end. */
export class Box {
  readonly dir: string;
  private readonly started: Orchestrator[] = [];

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async create(): Promise<Box> {
    return new Box(await mkdtemp(join(tmpdir(), 'rh-')));
  }

  get dataDir(): string {
    return join(this.dir, 'data');
  }

  async start(options: OrchestratorOptions): Promise<Orchestrator> {
    const orchestrator = await this.spawn(options);
    await orchestrator.ready(options.role ?? 'all');
    return orchestrator;
  }

  /** Starts it and does not wait until it serves. */
  async spawn(options: OrchestratorOptions): Promise<Orchestrator> {
    const { models, env = {}, role = 'all', installation = projectDir } = options;
    const modelsFile = join(this.dir, 'models.yaml');
    await writeFile(modelsFile, models);
    const child = spawn(
      process.execPath,
      [join(installation, 'src/cli/roundhouse.ts'), 'serve', '--role', role],
      {
        cwd: installation,
        env: {
          PATH: process.env.PATH ?? '',
          HOME: this.dir,
          ROUNDHOUSE_PORT: '0',
          ROUNDHOUSE_DATA: this.dataDir,
          ROUNDHOUSE_RUNTIME: join(this.dir, 'run'),
          ROUNDHOUSE_MODELS: modelsFile,
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const orchestrator = new Orchestrator(child, this.dataDir);
    this.started.push(orchestrator);
    return orchestrator;
  }

  /** Every process that carries this box's marker, orchestrators included when they were started by it. */
  async survivors(): Promise<readonly number[]> {
    return processesMarked(this.dir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const orchestrator of this.started) await orchestrator.kill();
    await killMarked(this.dir);
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A running `roundhouse serve`, its events and its API. */
export class Orchestrator {
  readonly events = new EventRecorder();
  readonly output: string[] = [];
  private port = 0;
  private key = '';
  readonly child: ChildProcess;
  private readonly dataDir: string;

  constructor(child: ChildProcess, dataDir: string) {
    this.child = child;
    this.dataDir = dataDir;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.read(line));
    }
    child.once('exit', (code, signal) => {
      this.events.fail(
        new Error(`the orchestrator exited (${code ?? signal}):\n${this.output.slice(-20).join('\n')}`),
      );
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get apiKey(): string {
    return this.key;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async ready(role: 'all' | 'api' | 'worker'): Promise<void> {
    if (role === 'worker') {
      await this.next('worker.started');
      return;
    }
    const listening = await this.next('http.listening');
    this.port = Number(listening.port);
    this.key = (await readFile(join(this.dataDir, 'api-key'), 'utf8').catch(() => '')).trim();
  }

  /** The next event of this type that matches, also one that has already happened but was not taken yet. */
  next(type: string, facts: Record<string, unknown> = {}): Promise<RecordedEvent> {
    return this.events.next(type, facts);
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${this.key}`);
    if (typeof init.body === 'string' && !headers.has('content-type'))
      headers.set('content-type', 'application/json');
    return fetch(`${this.url}${path}`, { ...init, headers });
  }

  async json<Body = Record<string, unknown>>(path: string, body?: unknown): Promise<Body> {
    const response = await this.fetch(
      path,
      body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) },
    );
    return (await response.json()) as Body;
  }

  /** SIGKILL to the orchestrator alone; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    this.child.kill('SIGTERM');
    const [code] = (await once(this.child, 'exit')) as [number | null];
    return code;
  }

  private read(line: string): void {
    this.output.push(line);
    if (!line.startsWith('{')) return;
    try {
      this.events.add(JSON.parse(line) as RecordedEvent);
    } catch {
      // a line that only looks like JSON is output like any other
    }
  }
}
