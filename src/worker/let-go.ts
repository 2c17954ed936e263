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
  /** Aborts when the worker stops and can wait no longer. */
  readonly stopping: AbortSignal;
  /** Jobs of ours that the server is still to work on. */
  readonly othersInFlight: () => number;
  /** What becomes of a server that holds on: the end, or it may come to the end of its work. */
  readonly ifHeld: 'kill' | 'wait';
}

/**
 * Waits until a server has dropped a job whose connection was closed, so that the next one does not queue up behind
 * it. A server that holds on for 10 s may be ended: it would hold the turntable for ever.
 */
export async function untilLetGo(options: LetGoOptions): Promise<void> {
  const { http, clock, lease, stopping, othersInFlight, ifHeld } = options;
  const over = AbortSignal.any([lease.gone, stopping]);
  const giveUpAtMs = clock.monotonicMs() + patienceMs;
  for (let waitMs = firstLookMs; !over.aborted; waitMs *= 2) {
    const inFlight = await askInFlight(http, lease, over);
    if (over.aborted || inFlight === 'unknown' || (inFlight ?? Infinity) <= othersInFlight()) return;
    if (ifHeld === 'kill' && clock.monotonicMs() >= giveUpAtMs)
      return lease.kill('it did not let go of a job that had ended');
    await clock.sleep(Math.min(waitMs, 500), over);
  }
}

/** `unknown`: the server does not count its requests. null: it does not answer. */
async function askInFlight(
  http: LetGoOptions['http'],
  lease: ServerLease,
  over: AbortSignal,
): Promise<number | 'unknown' | null> {
  try {
    const signal = AbortSignal.any([over, AbortSignal.timeout(probeMs)]);
    const response = await http.request(lease.target, { method: 'GET', path: '/health', signal });
    return readInFlight(await response.body.text());
  } catch {
    return null;
  }
}

/** Some engines answer with an empty body. */
function readInFlight(text: string): number | 'unknown' {
  try {
    return healthSchema.safeParse(JSON.parse(text)).data?.in_flight ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
