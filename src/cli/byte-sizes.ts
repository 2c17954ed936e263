/** `512 B`, `3.2 MB`, `15.2 GB`: decimal units, as disks and the hub count. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** step;
  const shown = step === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1);
  return `${shown} ${units[step]}`;
}
