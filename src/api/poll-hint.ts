/** When to ask again for a job that still lives, ms: often while it is young, then a quarter of what is left. */
export function pollAfterMs(ageMs: number, remainingMs: number | null): number {
  if (ageMs < 10_000) return 1000;
  if (remainingMs === null) return 5000;
  return Math.round(Math.min(15_000, Math.max(1000, remainingMs / 4)));
}
