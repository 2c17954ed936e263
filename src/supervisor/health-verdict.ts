import type { BootId } from '../contracts/ids.ts';
import { type Health, healthSchema } from '../contracts/service-protocol.ts';

export interface HealthAnswer {
  readonly status: number;
  readonly body: string;
}

export type HealthVerdict =
  | { readonly kind: 'ready' }
  | { readonly kind: 'loading'; readonly progress: number | null; readonly phase: string | null }
  | { readonly kind: 'failed'; readonly error: string }
  /** Something answers there that is not the server we started. */
  | { readonly kind: 'stranger' };

/**
 * Reads one answer of `/health`. A server that knows nothing of our protocol is believed by its HTTP status, but only
 * on a socket that nobody else can have: on a port, any program may answer.
 */
export function judgeHealth(
  answer: HealthAnswer,
  start: { readonly bootId: BootId; readonly isOwnSocket: boolean },
): HealthVerdict {
  const health = parse(answer.body);
  if (health?.boot_id) return health.boot_id === start.bootId ? judgeStatus(health) : { kind: 'stranger' };
  if (!start.isOwnSocket) return { kind: 'stranger' };
  if (health) return judgeStatus(health);
  return answer.status === 200 ? { kind: 'ready' } : { kind: 'loading', progress: null, phase: null };
}

function judgeStatus({ status, error, load }: Health): HealthVerdict {
  switch (status) {
    case 'READY':
    case 'BUSY':
      return { kind: 'ready' };
    case 'STARTING':
      return { kind: 'loading', progress: load?.progress ?? null, phase: load?.phase ?? null };
    case 'ASLEEP':
      return { kind: 'failed', error: 'it says ASLEEP before anybody put it to sleep' };
    case 'SETUP_FAILED':
    case 'DEFUNCT':
      return { kind: 'failed', error: error ?? `it says ${status} and not why` };
    default:
      return status satisfies never;
  }
}

function parse(body: string): Health | null {
  try {
    return healthSchema.safeParse(JSON.parse(body)).data ?? null;
  } catch {
    return null;
  }
}
