import { CommanderError } from 'commander';
import { ConfigError } from '../config/problem.ts';
import { CliError, exitCodes } from './cli-error.ts';
import type { Terminal } from './terminal.ts';
import { renderProblem } from './views/problem-view.ts';

/** Tells why a command failed, on standard error, and returns its exit code. */
export function reportFailure(error: unknown, { paint, err }: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof ConfigError) {
    for (const problem of error.problems) err(renderProblem(problem, 'error', paint));
    return exitCodes.config;
  }
  if (error instanceof CliError) {
    err(`${paint('bad', 'error:')} ${error.message}\n${error.fix && `    ${error.fix}\n`}`);
    return error.exitCode;
  }
  const { stack, message } = error instanceof Error ? error : new Error(String(error));
  err(`${paint('bad', 'error:')} ${stack ?? message}\n`);
  return exitCodes.failed;
}
