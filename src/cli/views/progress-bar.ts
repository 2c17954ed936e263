import { type Line, span } from '../layout.ts';

/** `███████░░░  64 %`; without a known progress a bar that only says that something goes on. */
export function progressBar(progress: number | null, cells = 10): Line {
  if (progress === null) return [span('▒'.repeat(cells), 'busy')];
  const share = Math.min(1, Math.max(0, progress));
  const full = Math.floor(share * cells);
  return [
    span('█'.repeat(full), 'busy'),
    span('░'.repeat(cells - full), 'dim'),
    span(` ${String(Math.floor(share * 100)).padStart(3)} %`),
  ];
}
