/** Ms on the machine's monotonic clock: the same in all processes. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** The value that the share `q` of the sorted values does not exceed; 0 of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
}

export const round = (value: number, digits = 3): number => Number(value.toFixed(digits));
