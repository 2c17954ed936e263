import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { findRedisBinary } from '../../src/queue/redis-binary.ts';

const projectDir = join(import.meta.dirname, '..', '..');
let found: Promise<string> | null = null;

/** The server that Roundhouse itself would run. */
export function redisBinary(): Promise<string> {
  found ??= findRedisBinary(process.env.PATH ?? '', projectDir);
  return found;
}

/** Asks the server on this socket, over a connection of its own. */
export async function ask<Value>(url: string, question: (redis: Redis) => Promise<Value>): Promise<Value> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  redis.on('error', () => undefined);
  try {
    return await question(redis);
  } finally {
    redis.disconnect();
  }
}

/**
 * Resolves when a server that syncs once a second has given the kernel all that it acknowledged: while it waits for
 * a slow disk it holds that in its own memory, and `kill -9` would lose it.
 */
export async function untilWritten(redis: Redis): Promise<void> {
  const written = /aof_buffer_length:0\s.*aof_pending_bio_fsync:0\s/s;
  while (!written.test(await redis.info('persistence'))) await redis.ping();
}

/** A redis-server of its own for one test, on a Unix socket in a temporary folder. What it answered is on the disk. */
export class TestRedis {
  readonly dir: string;
  private child: ChildProcess | null = null;

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async start(): Promise<TestRedis> {
    const redis = new TestRedis(await mkdtemp(join(tmpdir(), 'rhq-')));
    await redis.up();
    return redis;
  }

  get url(): string {
    return join(this.dir, 'redis.sock');
  }

  /** Starts the server on the data it had before. */
  async up(): Promise<void> {
    await rm(this.url, { force: true });
    this.child = spawn(
      await redisBinary(),
      [
        ...['--port', '0', '--unixsocket', this.url, '--dir', this.dir, '--save', ''],
        ...['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'],
      ],
      { stdio: 'ignore' },
    );
    const failed = once(this.child, 'exit').then(([code]) => {
      throw new Error(`redis-server exited with ${code}`);
    });
    failed.catch(() => undefined);
    await Promise.race([this.answers(), failed]);
  }

  /** SIGKILL, as in a crash. */
  async kill(): Promise<void> {
    const child = this.child;
    this.child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  private async answers(): Promise<void> {
    while (!(await this.ping())) await sleep(5);
  }

  private ping(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.url, () => socket.write('PING\r\n'));
      socket.once('data', (data) => {
        socket.destroy();
        resolve(data.toString().startsWith('+PONG'));
      });
      socket.once('error', () => resolve(false));
    });
  }
}
