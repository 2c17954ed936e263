/**
 * `0.4 s`, `12 s`, `3m 05s`, `2h 07m`, `4d 03h`: at most two units, as wide as a column needs. What is known to the second
 * only is shown without decimals.
 */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95 && seconds % 1 !== 0) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(whole, 60, 'm', 's', 1);
  if (whole < 86_400) return pair(whole, 3600, 'h', 'm', 60);
  return pair(whole, 86_400, 'd', 'h', 3600);
}

function pair(seconds: number, big: number, bigUnit: string, smallUnit: string, small: number): string {
  const rest = Math.floor((seconds % big) / small);
  return `${Math.floor(seconds / big)}${bigUnit} ${String(rest).padStart(2, '0')}${smallUnit}`;
}

/** `14:03:11` of today, `11-24 14:03` of another day, in the local time zone. */
export function formatMoment(atMs: number, nowMs: number): string {
  const [at, now] = [new Date(atMs), new Date(nowMs)];
  const two = (value: number) => String(value).padStart(2, '0');
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (at.toDateString() === now.toDateString()) return `${time}:${two(at.getSeconds())}`;
  return `${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}
