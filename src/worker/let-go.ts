import { healthSchema } from '../contracts/service-protocol.ts';
import type { Clock } from '../platform/clock.ts';
import type { HttpClient } from '../platform/http-client.ts';
import type { ServerLease } from './ports.ts';

const patienceMs = 10_000;
const firstLookMs = 20;
const probeMs = 2000;

export interface LetGoOptions {
  readonly http: Pick<HttpClient, 'request'>;
  readonly clock: Clock;
  readonly lease: ServerLease;
  /** Jobs of ours that the server is still to work on. */
  readonly othersInFlight: () => number;
}

/**
 * Waits until a server has dropped a job whose connection was closed, so that the next one does not queue up behind
 * it. A server that holds on for 10 s is ended: it would hold the turntable for ever.
 */
export async function untilLetGo({ http, clock, lease, othersInFlight }: LetGoOptions): Promise<void> {
  const giveUpAtMs = clock.monotonicMs() + patienceMs;
  for (let waitMs = firstLookMs; !lease.gone.aborted; waitMs *= 2) {
    const inFlight = await askInFlight(http, lease);
    if (lease.gone.aborted || inFlight === 'unknown' || (inFlight ?? Infinity) <= othersInFlight()) return;
    if (clock.monotonicMs() >= giveUpAtMs) return lease.kill('it did not let go of a job that had ended');
    await clock.sleep(Math.min(waitMs, 500), lease.gone);
  }
}

/** `unknown`: the server does not count its requests. null: it does not answer. */
async function askInFlight(
  http: LetGoOptions['http'],
  lease: ServerLease,
): Promise<number | 'unknown' | null> {
  try {
    const signal = AbortSignal.any([lease.gone, AbortSignal.timeout(probeMs)]);
    const response = await http.request(lease.target, { method: 'GET', path: '/health', signal });
    const health = healthSchema.safeParse(JSON.parse(await response.body.text()));
    return health.data?.in_flight ?? 'unknown';
  } catch {
    return null;
  }
}
