export interface BackoffPolicy {
  readonly baseMs: number;
  readonly factor: number;
  readonly capMs: number;
  /** Share of the delay that is left to chance, to both sides: 0.2 is ± 20 %. */
  readonly jitter: number;
}

/** Delay before the next try after the failed `attempt` (counted from 1), in ms. */
export function backoffDelayMs(
  attempt: number,
  { baseMs, factor, capMs, jitter }: BackoffPolicy,
  random: () => number = Math.random,
): number {
  const idealMs = Math.min(capMs, baseMs * factor ** (attempt - 1));
  return Math.round(idealMs * (1 + jitter * (2 * random() - 1)));
}
