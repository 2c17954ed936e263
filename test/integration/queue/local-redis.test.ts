import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { endLeftoverServers, leftoverServers } from '../../../src/queue/leftover-redis.ts';
import { LocalRedis } from '../../../src/queue/local-redis.ts';
import { EventRecorder } from '../../helpers/event-recorder.ts';
import { ShiftableClock } from '../../helpers/queue-house.ts';
import { ask, redisBinary, untilWritten } from '../../helpers/redis.ts';

const projectDir = join(import.meta.dirname, '../../..');

class Place {
  readonly dir: string;
  readonly events = new EventRecorder();
  private readonly started: LocalRedis[] = [];

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async create(): Promise<Place> {
    return new Place(await mkdtemp(join(tmpdir(), 'rhl-')));
  }

  redis(
    over: { maxMemoryMb?: number; searchPath?: string; runtimeDir?: string; projectDir?: string } = {},
  ): LocalRedis {
    const redis = new LocalRedis({
      dataDir: join(this.dir, 'data'),
      runtimeDir: join(this.dir, 'run'),
      projectDir,
      searchPath: process.env.PATH ?? '',
      emit: (event) => this.events.emit(event as never),
      clock: new ShiftableClock(),
      ...over,
    });
    this.started.push(redis);
    return redis;
  }

  get redisDir(): string {
    return join(this.dir, 'data', 'redis');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const redis of this.started) await redis.stop(AbortSignal.timeout(5000));
    assert.deepEqual(await leftoverServers(this.redisDir), []);
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A server on the data folder that nobody watches. */
async function leftover(place: Place) {
  const settings = ['--port', '0', '--unixsocket', join(place.dir, 'left.sock'), '--set-proc-title', 'no'];
  const server = spawn(await redisBinary(), [...settings, '--dir', place.redisDir], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(server, 'exit');
  for await (const chunk of server.stdout) if (String(chunk).includes('eady to accept connections')) break;
  return { process: server, ended };
}

test('the private Redis is safe for jobs: append-only, never evicting, on a socket for its user alone', async () => {
  await using place = await Place.create();
  const local = place.redis({ maxMemoryMb: 300 });
  await local.start();
  const settings = await ask(local.url, async (redis) => [
    ...(await redis.config('GET', 'appendonly')),
    ...(await redis.config('GET', 'maxmemory-policy')),
    ...(await redis.config('GET', 'maxmemory')),
    ...(await redis.config('GET', 'port')),
  ]);
  assert.deepEqual(
    settings.filter((_, at) => at % 2 === 1),
    ['yes', 'noeviction', String(300 * 1024 * 1024), '0'],
  );
  assert.equal((await stat(local.url)).mode & 0o777, 0o700);
  assert.equal((await stat(place.redisDir)).mode & 0o777, 0o700);
});

test('what was written is there after a stop and a new start', async () => {
  await using place = await Place.create();
  const first = place.redis();
  await first.start();
  await ask(first.url, (redis) => redis.set('kept', 'yes'));
  await first.stop(AbortSignal.timeout(5000));
  const second = place.redis();
  await second.start();
  assert.equal(await ask(second.url, (redis) => redis.get('kept')), 'yes');
});

test('a private Redis that is killed is started again with its data', async () => {
  await using place = await Place.create();
  const local = place.redis();
  await local.start();
  await place.events.next('redis.started');
  await ask(local.url, async (redis) => {
    await redis.set('kept', 'yes');
    await untilWritten(redis);
  });
  const [pid = 0] = await leftoverServers(place.redisDir);
  process.kill(pid, 'SIGKILL');
  await place.events.next('redis.exited', { signal: 'SIGKILL' });
  await place.events.next('redis.started');
  assert.equal(await ask(local.url, (redis) => redis.get('kept')), 'yes');
});

test('a second Roundhouse on the same data folder is refused by name', async () => {
  await using place = await Place.create();
  const local = place.redis();
  await local.start();
  const second = place.redis({ runtimeDir: join(place.dir, 'other') });
  await assert.rejects(
    second.start(),
    new RegExp(`in use by another Roundhouse \\(process ${process.pid}\\)`),
  );
});

test('without a server program the error says what to run', async () => {
  await using place = await Place.create();
  await assert.rejects(
    place.redis({ searchPath: join(place.dir, 'empty'), projectDir: place.dir }).start(),
    /scripts\/install\.sh/,
  );
});

test('a runtime folder whose path is too long for a socket is refused with what to set', async () => {
  await using place = await Place.create();
  const runtimeDir = join(place.dir, 'x'.repeat(100));
  await assert.rejects(place.redis({ runtimeDir }).start(), /ROUNDHOUSE_RUNTIME/);
});

test('a server that a crashed predecessor left on the data folder writes out what it holds and ends before a new one starts', async () => {
  await using place = await Place.create();
  await mkdir(place.redisDir, { recursive: true });
  const { ended } = await leftover(place);
  const local = place.redis();
  await local.start();
  assert.deepEqual(await ended, [0, null]);
  assert.equal((await leftoverServers(place.redisDir)).length, 1);
});

test('a leftover that hangs is killed', async () => {
  await using place = await Place.create();
  await mkdir(place.redisDir, { recursive: true });
  const left = await leftover(place);
  left.process.kill('SIGSTOP');
  await endLeftoverServers(place.redisDir, () => Promise.resolve());
  assert.deepEqual(await left.ended, [null, 'SIGKILL']);
});
