import { type Command, Option } from 'commander';
import type { Role } from '../config/settings.ts';
import type { CliContext } from './context.ts';

export type Done = (exitCode: number) => void;

/** Commands that run or check a server here. Each is loaded when it is asked for. */
export function addServerCommands(program: Command, context: CliContext, done: Done): void {
  const role = new Option('--role <role>', 'all in one process, or one half').choices([
    'all',
    'api',
    'worker',
  ]);
  program
    .command('serve')
    .description('run the server in the foreground until SIGTERM or Ctrl-C')
    .addOption(role)
    .action(async (options: { role?: Role }) => {
      const { serve } = await import('./commands/serve.ts');
      done(await serve(context, options.role));
    });
  program
    .command('check')
    .description('print every problem of the models file, with its line and what to write')
    .argument('[file...]', 'models files; default: the one that serve would use')
    .action(async (files: string[]) => {
      const { check } = await import('./commands/check.ts');
      done(await check(context, files));
    });
  program
    .command('services')
    .description('print the folders of the services that the models file uses')
    .option('--models <file>', 'another models file')
    .action(async (options: { models?: string }) => {
      const { services } = await import('./commands/services.ts');
      done(await services(context, options.models));
    });
  program
    .command('models-path')
    .description('print the models file that serve would use')
    .action(async () => {
      const { modelsPath } = await import('./commands/services.ts');
      done(await modelsPath(context));
    });
}
