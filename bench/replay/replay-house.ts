import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { windowOf } from '../../src/contracts/admission-window.ts';
import type { Emit } from '../../src/contracts/events.ts';
import type { ModelId } from '../../src/contracts/ids.ts';
import { type Service, startAll, stopAll } from '../../src/platform/service.ts';
import { connectRedis } from '../../src/queue/connection.ts';
import { RedisJobInbox } from '../../src/queue/inbox.ts';
import { RedisJobStore } from '../../src/queue/job-store.ts';
import { groundFloor, workerConnection } from '../../src/roof/ground-floor.ts';
import { type House, openHouse } from '../../src/roof/house.ts';
import { buildTurntable, workerHalf } from '../../src/roof/worker-half.ts';
import { projectDir } from '../lib/processes.ts';
import type { Trace } from '../traces/trace.ts';
import type { FastClock } from './fast-clock.ts';
import { LoadBegan } from './load-began.ts';
import { pathToPython } from './python.ts';
import type { RealCost } from './real-cost.ts';

export interface ReplayHouseOptions {
  readonly trace: Trace;
  /** For data, sockets and logs. */
  readonly dir: string;
  /** One file for all models, or one for each where several may be resident. */
  readonly journalOf: (model: ModelId) => string;
  readonly clock: FastClock;
}

const stopPatienceMs = 10_000;

/** The path that the stand-in of a model serves. */
export const endpointOf = (model: ModelId): string => `/replay/${model}`;

/**
 * What `serve` runs but for the HTTP API, put together by the same roof: a private Redis, the worker, its supervisor and
 * launchers. Time is the fast clock's, and the model servers are stand-ins.
 */
export class ReplayHouse {
  readonly store: RedisJobStore;
  /** What the machine adds to a swap. */
  readonly swapCost: RealCost;
  private readonly house: House;
  private readonly services: readonly Service[];

  private constructor(
    { store, swapCost }: Pick<ReplayHouse, 'store' | 'swapCost'>,
    house: House,
    services: readonly Service[],
  ) {
    this.store = store;
    this.swapCost = swapCost;
    this.house = house;
    this.services = services;
  }

  static async open(options: ReplayHouseOptions): Promise<ReplayHouse> {
    const began = new LoadBegan(options.trace, options.clock.factor);
    const house = await houseOf(options, began);
    house.listeners.add(began.hear);
    const ground = groundFloor(house);
    await startAll(ground.services);
    const { store, services } = await furnish(house, ground.redisUrl);
    await startAll(services);
    return new ReplayHouse({ store, swapCost: began.cost }, house, [...ground.services, ...services]);
  }

  listen(listener: Emit): void {
    this.house.listeners.add(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stopAll(this.services, AbortSignal.timeout(stopPatienceMs));
  }
}

async function houseOf(
  { trace, dir, journalOf, clock }: ReplayHouseOptions,
  began: LoadBegan,
): Promise<House> {
  const modelsPath = join(dir, 'models.yaml');
  await mkdir(dir, { recursive: true });
  await writeFile(modelsPath, JSON.stringify(modelsFile(trace, journalOf, clock.factor)));
  const env = {
    PATH: await pathToPython(process.env.PATH ?? ''),
    HOME: dir,
    ROUNDHOUSE_DATA: join(dir, 'data'),
    ROUNDHOUSE_RUNTIME: join(dir, 'run'),
    ROUNDHOUSE_MODELS: modelsPath,
    ROUNDHOUSE_LOG_LEVEL: 'silent',
    /** Read anew at each start of a stand-in, on the clock that all processes share. */
    get REPLAY_LOAD_BEGAN_S(): string {
      return String(began.atMs / 1000);
    },
  };
  return { ...(await openHouse({ env, projectDir, clock })), hasGpu: false };
}

/** The trace's house as a models file. Service times are believed half as long again as they are, as in the simulation. */
function modelsFile(trace: Trace, journalOf: (model: ModelId) => string, factor: number): object {
  const entries = trace.models.map(
    ({ id, loadMs, unloadMs, serviceMs, vram, concurrency }) =>
      [
        id,
        {
          type: 'custom',
          service_script: 'bench/replay-server.py',
          endpoint: endpointOf(id),
          startup_time: loadMs / 1000,
          service_time: (serviceMs * 1.5) / 1000,
          vram_gb: vram,
          concurrency,
          queue_cap: 1_000_000,
          // A pause of this machine is so many times as long in the trace's time, and no fault of the stand-in.
          deadlines: { load_stall: 60 * factor, load_total: 60 * factor },
          args: { factor, load_ms: loadMs, unload_ms: unloadMs, journal: journalOf(id) },
        },
      ] as const,
  );
  return { vram_gb: trace.vram, models: Object.fromEntries(entries) };
}

async function furnish(house: House, redisUrl: string) {
  const { clock, emit, registry } = house;
  const { redis, service } = workerConnection(house, redisUrl);
  // A pause of the machine refuses no job of the trace.
  const command = connectRedis(redisUrl, 'worker', emit);
  const blocking = connectRedis(redisUrl, 'blocking', emit);
  await Promise.all([command, blocking, redis].map((each) => each.status === 'ready' || once(each, 'ready')));
  const inbox = new RedisJobInbox({ redis: command, blocking, clock, emit });
  const store = new RedisJobStore({
    redis: command,
    clock,
    emit,
    hasWorker: true,
    windowOf: (model) => windowOf(registry().window, registry().models.get(model)?.concurrency ?? 1),
    offerStart: (job) => house.shortcut.offerStart(job),
  });
  const onLost = () => emit({ type: 'system.fault', where: 'replay', message: 'the worker lost its name' });
  const turntable = buildTurntable(house);
  const worker = await workerHalf({ house, redisUrl, redis, turntable, inbox, onLost });
  const connection: Service = {
    name: 'store connection',
    start: async () => {},
    stop: async () => command.disconnect(),
  };
  return { store, services: [service, connection, ...worker, inbox] };
}
