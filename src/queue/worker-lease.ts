import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import type { Emit } from '../contracts/events.ts';
import type { Clock } from '../platform/clock.ts';
import { type KernelLock, kernelLockHolder, takeKernelLock } from '../platform/kernel-lock.ts';
import { keys } from './keys.ts';

const leaseMs = 15_000;
const renewEveryMs = 5000;

/** Another process works under this name. */
export class WorkerNameTaken extends Error {
  /** What the program should exit with: "try again later". */
  readonly exitCode = 75;

  constructor(name: string, holder: string) {
    super(
      `A worker named "${name}" is running already (${holder}). Stop it, or give this one another name with ROUNDHOUSE_WORKER.`,
    );
    this.name = 'WorkerNameTaken';
  }
}

/** Replaces a lease of this host, whose holder must be dead (we hold the kernel's lock), and nobody else's. */
const take = `
local holder = redis.call('GET', KEYS[1])
if holder and string.sub(holder, 1, #ARGV[2]) ~= ARGV[2] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return false`;

const renew = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false`;

const giveBack = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

export interface WorkerLeaseOptions {
  /** A connection of role `worker`. */
  readonly redis: Redis;
  readonly redisUrl: string;
  readonly workerName: string;
  readonly bootId: string;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Another process has the name now: this one must stop working. */
  readonly onLost?: () => void;
  /** Where this process runs; leases of the same place are told apart by the kernel. */
  readonly place?: string;
}

/**
 * One worker per name. On one host the kernel decides, and gives the lock back when a worker dies, so that its
 * successor starts at once; across hosts a lease in Redis does.
 */
export class WorkerLease {
  readonly name = 'worker-lease';
  private readonly options: WorkerLeaseOptions;
  private readonly place: string;
  private lock: KernelLock | null = null;
  private stopTimer: () => void = () => undefined;
  private isStopped = false;

  constructor(options: WorkerLeaseOptions) {
    this.options = options;
    this.place = `${options.place ?? placeOfThisProcess()} `;
  }

  /** @throws WorkerNameTaken */
  async start(): Promise<void> {
    const { workerName, redisUrl, redis } = this.options;
    const lockName = `worker ${redisUrl} ${workerName}`;
    this.lock = await takeKernelLock(lockName);
    if (this.lock === null) {
      throw new WorkerNameTaken(workerName, `process ${(await kernelLockHolder(lockName)) ?? 'unknown'}`);
    }
    const holder = await redis.eval(take, 1, keys.workerLease(workerName), this.holder, this.place, leaseMs);
    if (holder !== null) {
      await this.lock.release();
      throw new WorkerNameTaken(workerName, `on ${String(holder)}; a dead one's lease ends within 15 s`);
    }
    this.renewLater();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.stopTimer();
    const { redis, workerName } = this.options;
    if (redis.status === 'ready') {
      await redis.eval(giveBack, 1, keys.workerLease(workerName), this.holder).catch(() => undefined);
    }
    await this.lock?.release();
  }

  private get holder(): string {
    return `${this.place}process ${process.pid} ${this.options.bootId}`;
  }

  private renewLater(): void {
    this.stopTimer = this.options.clock.after(renewEveryMs, () => void this.renewNow());
  }

  private async renewNow(): Promise<void> {
    const { redis, workerName, emit, onLost } = this.options;
    const holder = await redis
      .eval(renew, 1, keys.workerLease(workerName), this.holder, leaseMs)
      .catch(() => null);
    if (this.isStopped) return;
    if (holder === null) return this.renewLater();
    emit({ type: 'system.fault', where: 'worker lease', message: `"${workerName}" is held by ${holder}` });
    onLost?.();
  }
}

/** The same for two processes exactly when they see each other's abstract sockets. */
function placeOfThisProcess(): string {
  const read = (ask: () => string): string => {
    try {
      return ask().trim();
    } catch {
      return '';
    }
  };
  const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')).slice(0, 8);
  const network = read(() => readlinkSync('/proc/self/ns/net')).replace(/\D/g, '');
  return `${hostname()}/${boot}/${network}`;
}
