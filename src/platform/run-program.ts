import { execFile } from 'node:child_process';

export interface ProgramResult {
  /** null: it did not run at all, or was ended after the timeout. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** There is no such program. */
  readonly isMissing: boolean;
}

export interface ProgramOptions {
  readonly timeoutMs: number;
  /** Where the program is looked for, as in PATH. */
  readonly searchPath: string;
}

/** Runs a short program to its end and returns what it said. Never rejects; at most 1 MiB of output is read. */
export function runProgram(
  command: string,
  args: readonly string[],
  { timeoutMs, searchPath }: ProgramOptions,
): Promise<ProgramResult> {
  const options = { timeout: timeoutMs, killSignal: 'SIGKILL', env: { PATH: searchPath } } as const;
  return new Promise((resolve) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, stdout, stderr, isMissing: error?.code === 'ENOENT' });
    });
  });
}
