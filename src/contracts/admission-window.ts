/**
 * Fair between API keys: so many jobs of one key wait in a lane, the rest in the key's own backlog, from which the next
 * enters when one of them leaves.
 */
export interface AdmissionWindow {
  /** Jobs of one key that may wait in a lane while no other key is active. */
  readonly alone: number;
  /** The same while others are. */
  readonly shared: number;
  /** A key that sent a job within this time is active. */
  readonly activeForMs: number;
}

/** The window on the lanes of one model: never less than what it runs at once. null: every job enters at once. */
export function windowOf(window: AdmissionWindow | null, concurrency: number): AdmissionWindow {
  if (window === null)
    return { alone: Number.MAX_SAFE_INTEGER, shared: Number.MAX_SAFE_INTEGER, activeForMs: 0 };
  const { alone, shared, activeForMs } = window;
  return { alone: Math.max(concurrency, alone), shared: Math.max(concurrency, shared), activeForMs };
}

/** From so many active keys on, a lane is shared. */
export const keysThatShare = 2;

/** Jobs of one key that may wait in a lane now. */
export const windowSize = ({ alone, shared }: AdmissionWindow, activeKeys: number): number =>
  activeKeys >= keysThatShare ? shared : alone;
