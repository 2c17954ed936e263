import type { ExitStatus } from '../platform/child-process.ts';

const cannotRun = 127;

/** How a model server ended, as a sentence's end: `it ...`. */
export function exitReason({ code, signal }: ExitStatus): string {
  if (signal === 'SIGKILL' || code === 137)
    return 'it was killed (SIGKILL); when nobody did so by hand, the machine or the container ran out of memory';
  if (signal !== null) return `it was ended by ${signal}`;
  if (code === cannotRun) return `it exited with code ${code}: its program could not be run`;
  return `it exited with code ${code}`;
}

const linesInReason = 5;

/** A reason with the last words of the log, for those who cannot read it. */
export function withLastWords(reason: string, logTail: readonly string[]): string {
  const words = logTail.slice(-linesInReason);
  return words.length === 0 ? reason : `${reason}. Its last lines:\n${words.join('\n')}`;
}
