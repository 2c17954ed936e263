import { Command } from 'commander';
import { settingsAsHelp } from '../config/settings-help.ts';
import { addClientCommands } from './client-commands.ts';
import type { CliContext } from './context.ts';
import { reportFailure } from './failure.ts';
import { addServerCommands } from './server-commands.ts';
import { addWeightsCommands } from './weights-commands.ts';

/** Runs one command line and resolves with the exit code. */
export async function runCommandLine(args: readonly string[], context: CliContext): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportFailure(error, context.terminal);
  }
}

function buildProgram(context: CliContext, done: (exitCode: number) => void): Command {
  const { terminal } = context;
  const program = new Command('roundhouse')
    .description('Many generative models on one GPU box, behind an OpenAI-compatible API.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError()
    .addHelpText('after', ({ error }) => (error ? '' : settingsHelp(terminal.columns)));
  addServerCommands(program, context, done);
  addClientCommands(program, context, done);
  addWeightsCommands(program, context, done);
  return program;
}

const settingsHelp = (columns: number) => `\nSettings (environment variables):\n${settingsAsHelp(columns)}`;
