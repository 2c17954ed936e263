import { chmod, mkdir, rm } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { Emit } from '../contracts/events.ts';
import { type LaunchedProcess, launch } from '../platform/child-process.ts';
import type { Clock } from '../platform/clock.ts';
import { type KernelLock, kernelLockHolder, takeKernelLock } from '../platform/kernel-lock.ts';
import { endLeftoverServers } from './leftover-redis.ts';
import { findRedisBinary, type RedisSource } from './redis-binary.ts';
import { probeRedis } from './redis-probe.ts';

const socketPathLimit = 100;
const probeEveryMs = 20;
const tellLoadingEveryMs = 2000;
const shutdownGraceMs = 5000;
/** While its disk is busy, Redis acknowledges what it has not handed to the kernel yet: it has to write that out. */
const orphanGraceMs = 3000;
const restartDelaysMs = [100, 500, 1000, 2000, 5000];
/** A server that lived for this long starts again without delay growing further. */
const steadyAfterMs = 30_000;
const keptLines = 20;

export interface LocalRedisOptions {
  readonly dataDir: string;
  readonly runtimeDir: string;
  readonly projectDir: string;
  /** Folders in which programs are looked for, as in PATH. */
  readonly searchPath: string;
  /** Default: half of the memory, at least 256. */
  readonly maxMemoryMb?: number;
  readonly source?: RedisSource;
  readonly emit: Emit;
  readonly clock: Clock;
}

/**
 * The embedded default: a Redis of our own on a Unix socket, with its data in the data folder. It is started again when
 * it dies and ends with us.
 */
export class LocalRedis {
  readonly name = 'local-redis';
  /** Path of its Unix socket. */
  readonly url: string;
  private readonly options: LocalRedisOptions;
  private readonly redisDir: string;
  private readonly lines: string[] = [];
  private lock: KernelLock | null = null;
  private server: LaunchedProcess | null = null;
  private isStopping = false;
  private deaths = 0;

  constructor(options: LocalRedisOptions) {
    this.options = options;
    this.url = join(options.runtimeDir, 'redis.sock');
    this.redisDir = join(options.dataDir, 'redis');
  }

  /**
   * Resolves when it answers, however long it reads its data.
   * @throws Error when no server is installed, another Roundhouse uses the data folder, or the server does not start
   */
  async start(): Promise<void> {
    if (this.url.length >= socketPathLimit) {
      throw new Error(
        `The runtime folder's path is too long for a socket: ${this.url}. Set a shorter ROUNDHOUSE_RUNTIME.`,
      );
    }
    await mkdir(this.redisDir, { recursive: true, mode: 0o700 });
    await mkdir(this.options.runtimeDir, { recursive: true, mode: 0o700 });
    // Fails where another user made the folder first, who could put a socket of his own into it.
    await chmod(this.options.runtimeDir, 0o700);
    await this.takeFolder();
    try {
      const { searchPath, projectDir, source } = this.options;
      const binary = await findRedisBinary(searchPath, projectDir, source);
      await endLeftoverServers(this.redisDir, (ms) => this.options.clock.sleep(ms));
      await this.launch(binary);
    } catch (error) {
      await this.stop(AbortSignal.abort());
      throw error;
    }
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.isStopping = true;
    const server = this.server;
    if (server) {
      // SIGTERM is Redis' own SHUTDOWN: it writes everything out and exits.
      server.terminate();
      const kill = () => server.kill();
      if (deadline.aborted) kill();
      deadline.addEventListener('abort', kill, { once: true });
      await server.exited;
      deadline.removeEventListener('abort', kill);
    }
    await this.lock?.release();
    this.lock = null;
  }

  /** Pid of the launcher that holds the server; null while there is none. */
  get pid(): number | null {
    return this.server?.pid ?? null;
  }

  private async takeFolder(): Promise<void> {
    const name = `redis ${this.redisDir}`;
    this.lock = await takeKernelLock(name);
    if (this.lock !== null) return;
    const holder = await kernelLockHolder(name);
    throw new Error(
      `The data folder ${this.options.dataDir} is in use by another Roundhouse (process ${holder ?? 'unknown'}). Stop it, or set another ROUNDHOUSE_DATA.`,
    );
  }

  private async launch(binary: string): Promise<void> {
    const { clock, emit, runtimeDir, searchPath } = this.options;
    await rm(this.url, { force: true });
    if (this.isStopping) return;
    const server = launch({
      command: binary,
      args: this.serverArguments(),
      cwd: runtimeDir,
      env: { PATH: searchPath },
      graceMs: shutdownGraceMs,
      orphanGraceMs,
      onLine: (line) => this.keepLine(line),
    });
    this.server = server;
    const startedAt = clock.monotonicMs();
    const gone = { yet: false };
    void server.exited.then(({ code, signal }) => {
      gone.yet = true;
      this.server = null;
      if (this.isStopping) return;
      if (clock.monotonicMs() - startedAt > steadyAfterMs) this.deaths = 0;
      const restartInMs = restartDelaysMs[Math.min(this.deaths++, restartDelaysMs.length - 1)] ?? 0;
      emit({ type: 'redis.exited', code, signal, restartInMs });
      void this.restart(binary, restartInMs);
    });
    await this.untilReady(() => gone.yet, startedAt);
    emit({ type: 'redis.started', binary, socket: this.url, pid: server.pid });
  }

  private async untilReady(isGone: () => boolean, startedAt: number): Promise<void> {
    const { clock, emit } = this.options;
    let tellAt = startedAt + tellLoadingEveryMs;
    while ((await probeRedis(this.url)) !== 'ready') {
      if (isGone()) throw new Error(`Redis did not start:\n${this.lines.join('\n')}`);
      if (clock.monotonicMs() >= tellAt) {
        emit({ type: 'redis.loading', waitedMs: Math.round(clock.monotonicMs() - startedAt) });
        tellAt += tellLoadingEveryMs;
      }
      await clock.sleep(probeEveryMs);
    }
  }

  private async restart(binary: string, delayMs: number): Promise<void> {
    await this.options.clock.sleep(delayMs);
    if (this.isStopping) return;
    try {
      await this.launch(binary);
    } catch (error) {
      this.options.emit({ type: 'system.fault', where: 'redis', message: (error as Error).message });
    }
  }

  private serverArguments(): string[] {
    const settings: Readonly<Record<string, string>> = {
      dir: this.redisDir,
      port: '0',
      unixsocket: this.url,
      unixsocketperm: '700',
      appendonly: 'yes',
      appendfsync: 'everysec',
      'no-appendfsync-on-rewrite': 'no',
      'auto-aof-rewrite-min-size': '64mb',
      save: '',
      // A record stays one packed piece of memory, its body included: half of what it takes otherwise.
      'hash-max-ziplist-value': '2048',
      'maxmemory-policy': 'noeviction',
      maxmemory: `${this.options.maxMemoryMb ?? defaultMaxMemoryMb()}mb`,
      // The command line stays readable, by which a leftover is known.
      'set-proc-title': 'no',
      daemonize: 'no',
    };
    return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  }

  private keepLine(line: string): void {
    this.lines.push(line);
    if (this.lines.length > keptLines) this.lines.shift();
  }
}

function defaultMaxMemoryMb(): number {
  const limits = [totalmem(), process.constrainedMemory()].filter((bytes) => bytes > 0);
  return Math.max(256, Math.floor(Math.min(...limits) / 2 / 1024 / 1024));
}
