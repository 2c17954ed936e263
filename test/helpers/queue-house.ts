import type { Redis } from 'ioredis';
import type { AdmissionWindow } from '../../src/contracts/admission-window.ts';
import type { RoundhouseEvent } from '../../src/contracts/events.ts';
import type { ModelId } from '../../src/contracts/ids.ts';
import { connectRedis, type RedisRole } from '../../src/queue/connection.ts';
import { RedisJobInbox } from '../../src/queue/inbox.ts';
import { RedisJobChannel } from '../../src/queue/job-channel.ts';
import { RedisJobStore } from '../../src/queue/job-store.ts';
import type { LaneTiming } from '../../src/queue/lane-worker.ts';
import { BullLanes } from '../../src/queue/lanes.ts';
import type { OfferStart } from '../../src/queue/start-offer.ts';
import { RedisWorkerDesk } from '../../src/queue/worker-desk.ts';
import { EventRecorder } from './event-recorder.ts';
import { TestRedis } from './redis.ts';

/** A clock that runs like the real one and can be set ahead. */
export class ShiftableClock {
  aheadMs = 0;
  now(): number {
    return Date.now() + this.aheadMs;
  }
  monotonicMs(): number {
    return performance.now();
  }
  async sleep(ms: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  }
}

export interface WorkerWishes {
  readonly name?: string;
  readonly models?: readonly string[];
  readonly timing?: LaneTiming;
}

/** Everything of the queue on one Redis of its own, closed at the end of a test. */
export class QueueHouse {
  readonly events = new EventRecorder();
  readonly clock = new ShiftableClock();
  readonly redis: TestRedis;
  readonly emit = (event: RoundhouseEvent): void => this.events.emit(event as never);
  private readonly closers: (() => unknown)[] = [];
  private boots = 0;

  private constructor(redis: TestRedis) {
    this.redis = redis;
  }

  static async open(): Promise<QueueHouse> {
    return new QueueHouse(await TestRedis.start());
  }

  /** Calls of the API are as patient as a machine that stalls needs it; the real patience is for what tests outages. */
  isPatient = true;

  connect(role: RedisRole): Redis {
    const redis = connectRedis(this.redis.url, role, this.emit);
    if (role === 'command' && this.isPatient) redis.options.commandTimeout = 60_000;
    this.closers.push(() => redis.disconnect());
    return redis;
  }

  async connected(role: RedisRole): Promise<Redis> {
    const redis = this.connect(role);
    if (redis.status !== 'ready') await new Promise<void>((resolve) => redis.once('ready', () => resolve()));
    return redis;
  }

  /** @param window on every lane; the default one where it is not given */
  async store(window?: AdmissionWindow, offerStart?: OfferStart): Promise<RedisJobStore> {
    const { clock, emit } = this;
    const redis = await this.connected('command');
    const wishes = { ...(window ? { windowOf: () => window } : {}), ...(offerStart ? { offerStart } : {}) };
    return new RedisJobStore({ redis, clock, emit, ...wishes });
  }

  async inbox(): Promise<RedisJobInbox> {
    const redis = await this.connected('command');
    const { clock, emit } = this;
    const inbox = new RedisJobInbox({ redis, blocking: await this.connected('blocking'), clock, emit });
    await inbox.start();
    this.closers.push(() => inbox.stop());
    return inbox;
  }

  async worker(over: WorkerWishes = {}) {
    return this.workerOn(await this.connected('worker'), await this.connected('blocking'), over);
  }

  /** A worker on connections that may not be up yet. */
  async workerOn(redis: Redis, blocking: Redis, over: WorkerWishes = {}) {
    const { name = 'w1', models = ['echo'], timing } = over;
    const { emit, clock } = this;
    const desk = new RedisWorkerDesk({ redis, blocking, workerName: name, clock, emit });
    const channel = new RedisJobChannel({ redis, clock, emit });
    const lanes = new BullLanes({
      ...{ redis, desk, channel, clock, emit, workerName: name, bootId: `b${++this.boots}-${process.pid}` },
      models: () => models as readonly ModelId[],
      ...(timing ? { timing } : {}),
    });
    this.closers.push(
      () => desk.stop(),
      () => lanes.stop(AbortSignal.timeout(100)),
    );
    await desk.start();
    await lanes.start();
    return { lanes, desk, channel, redis };
  }

  /** Runs at the end, last added first. */
  onClose(close: () => unknown): void {
    this.closers.push(close);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.closers.reverse()) await close();
    await this.redis[Symbol.asyncDispose]();
  }
}
