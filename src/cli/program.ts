import { Command, Option } from 'commander';
import type { Role } from '../config/settings.ts';
import { settingsAsHelp } from '../config/settings-doc.ts';
import { check } from './commands/check.ts';
import { serve } from './commands/serve.ts';
import { modelsPath, services } from './commands/services.ts';
import type { CliContext } from './context.ts';
import { reportFailure } from './failure.ts';

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
  return program;
}

const settingsHelp = (columns: number) => `\nSettings (environment variables):\n${settingsAsHelp(columns)}`;

function addServerCommands(program: Command, context: CliContext, done: (exitCode: number) => void): void {
  program
    .command('serve')
    .description('run the server in the foreground until SIGTERM or Ctrl-C')
    .addOption(
      new Option('--role <role>', 'all in one process, or one half').choices(['all', 'api', 'worker']),
    )
    .action(async ({ role }: { role?: Role }) => done(await serve(context, role)));
  program
    .command('check')
    .description('print every problem of the models file, with its line and what to write')
    .argument('[file...]', 'models files; default: the one that serve would use')
    .action(async (files: string[]) => done(await check(context, files)));
  program
    .command('services')
    .description('print the folders of the services that the models file uses')
    .option('--models <file>', 'another models file')
    .action(async ({ models }: { models?: string }) => done(await services(context, models)));
  program
    .command('models-path')
    .description('print the models file that serve would use')
    .action(async () => done(await modelsPath(context)));
}
