const firstRetryMs = 1_000;
const secondRetryMs = 30_000;
const longestRetryMs = 600_000;
const failuresToFailSync = 2;
const failuresToQuarantine = 3;

/** What follows from the failed loads of a model so far. */
export interface LoadVerdict {
  /** No load before this time, on the clock of `nowMs`. */
  readonly blockedUntilMs: number;
  /** Those who wait on an open connection should hear of it now instead of after their timeout. */
  readonly failSync: boolean;
  /** It will hardly start by itself any more. */
  readonly quarantined: boolean;
}

/**
 * A first failure may be chance and is tried again at once; from the second on the pause doubles from 30 s to 10 min.
 * @param failures failed loads in a row, from 1
 */
export function afterFailedLoad(failures: number, nowMs: number): LoadVerdict {
  const backoffMs = Math.min(secondRetryMs * 2 ** (failures - 2), longestRetryMs);
  return {
    blockedUntilMs: nowMs + (failures <= 1 ? firstRetryMs : backoffMs),
    failSync: failures >= failuresToFailSync,
    quarantined: failures >= failuresToQuarantine,
  };
}
