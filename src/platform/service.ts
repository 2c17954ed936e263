import { type Clock, systemClock } from './clock.ts';

/** Everything long-lived starts and stops the same way. */
export interface Service {
  readonly name: string;
  /** A start that rejects leaves nothing behind. */
  start(): Promise<void>;
  /** Ends in order; once `deadline` aborts, as fast as possible. Harmless when it was never started. */
  stop(deadline: AbortSignal): Promise<void>;
}

/** For a service that is still stopping when the deadline is over. */
const overtimeMs = 5_000;
/** For what was already running when a start failed. */
const retreatMs = 10_000;

/**
 * Starts in order. When one fails, those before it are stopped and its error is thrown; once `calledOff` aborts, no
 * further one is started.
 */
export async function startAll(services: readonly Service[], calledOff?: AbortSignal): Promise<void> {
  const started: Service[] = [];
  for (const service of services) {
    try {
      calledOff?.throwIfAborted();
      await service.start();
    } catch (error) {
      await stopAll(started, AbortSignal.timeout(retreatMs)).catch(() => {});
      throw error;
    }
    started.push(service);
  }
}

/**
 * Stops backwards. A stop that fails, or hangs past the deadline, does not keep the others running.
 * @throws AggregateError with what went wrong, when all are through
 */
export async function stopAll(
  services: readonly Service[],
  deadline: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  const failures: Error[] = [];
  for (const service of [...services].reverse()) {
    try {
      await stopOne(service, deadline, clock);
    } catch (error) {
      failures.push(new Error(`${service.name}: ${messageOf(error)}`, { cause: error }));
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, failures.map(messageOf).join('; '));
}

async function stopOne(service: Service, deadline: AbortSignal, clock: Clock): Promise<void> {
  const over = new AbortController();
  const stopped = service.stop(deadline);
  try {
    await Promise.race([stopped, overtime(deadline, over.signal, clock)]);
  } finally {
    over.abort();
  }
}

/** Rejects some time after the deadline; resolves when `done` aborts. */
async function overtime(deadline: AbortSignal, done: AbortSignal, clock: Clock): Promise<void> {
  await aborted(deadline, done);
  await clock.sleep(overtimeMs, done);
  if (!done.aborted) throw new Error(`still stopping ${overtimeMs / 1000} s after the deadline`);
}

function aborted(...signals: AbortSignal[]): Promise<void> {
  const any = AbortSignal.any(signals);
  return new Promise((resolve) => {
    if (any.aborted) resolve();
    else any.addEventListener('abort', () => resolve(), { once: true });
  });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
