import { DataFolderTaken } from './platform/instance-lock.ts';
import { type Service, startAll, stopAll } from './platform/service.ts';
import { nextSignal } from './platform/signals.ts';
import { WorkerNameTaken } from './queue/worker-lease.ts';
import { apiHalf } from './roof/api-half.ts';
import { type GroundFloor, groundFloor, workerConnection } from './roof/ground-floor.ts';
import { type House, openHouse, type ServeOptions } from './roof/house.ts';
import { buildTurntable, workerHalf } from './roof/worker-half.ts';

const drainMs = 25_000;
const retreatMs = 10_000;
const exitCodes = { stopped: 0, failed: 1 } as const;

/**
 * Runs Roundhouse until SIGTERM or SIGINT; a second one ends it at once. Resolves with the exit code.
 * @throws ConfigError with every problem of settings and models file
 */
export async function serve(options: ServeOptions): Promise<number> {
  const signal = nextSignal();
  const house = await openHouse(options);
  const ground = groundFloor(house);
  const lost = Promise.withResolvers<string>();
  const services = [...ground.services];
  const over = new AbortController();
  const started = rise(house, ground, services, () => lost.resolve('another process took this name'), over);
  try {
    await Promise.race([started, signal]);
  } catch (error) {
    return refuse(house, ground, error);
  }
  const reason = await Promise.race([signal, lost.promise]);
  over.abort();
  await leave(house, services, reason);
  return exitCodes.stopped;
}

/** Starts everything, and adds it to `services` before: a start that waits for Redis may be called off. */
async function rise(
  house: House,
  ground: GroundFloor,
  services: Service[],
  onLost: () => void,
  over: AbortController,
): Promise<void> {
  await startAll(ground.services, over.signal);
  const storeys = await furnish(house, ground, onLost);
  services.push(...storeys);
  await startAll(storeys, over.signal);
}

/** The services of this role, in the order in which they start. */
async function furnish(
  house: House,
  { redisUrl }: GroundFloor,
  onLost: () => void,
): Promise<readonly Service[]> {
  const { role } = house.settings;
  const { redis, service } = workerConnection(house, redisUrl);
  const turntable = buildTurntable(house);
  const logs = role === 'api' ? { tail: async () => null } : { tail: turntable.logTail.bind(turntable) };
  const api = role === 'worker' ? null : await apiHalf(house, redisUrl, redis, logs);
  const inbox = api?.inbox ?? null;
  const worker = role === 'api' ? [] : await workerHalf({ house, redisUrl, redis, turntable, inbox, onLost });
  return [service, ...worker, ...(api?.services ?? [])];
}

async function leave(house: House, services: readonly Service[], reason: string): Promise<void> {
  const { emit, clock } = house;
  emit({ type: 'system.stopping', signal: reason });
  const startedMs = clock.monotonicMs();
  await stopAll(services, AbortSignal.timeout(drainMs)).catch((error: Error) =>
    emit({ type: 'system.fault', where: 'stop', message: error.message }),
  );
  emit({ type: 'system.stopped', tookMs: Math.round(clock.monotonicMs() - startedMs) });
}

/** A start that failed: one line that says why, nothing left behind. */
async function refuse(house: House, ground: GroundFloor, error: unknown): Promise<number> {
  const message = error instanceof Error ? error.message : String(error);
  house.emit({ type: 'system.fault', where: 'start', message });
  await stopAll(ground.services, AbortSignal.timeout(retreatMs)).catch(() => {});
  const isTaken = error instanceof WorkerNameTaken || error instanceof DataFolderTaken;
  return isTaken ? error.exitCode : exitCodes.failed;
}
