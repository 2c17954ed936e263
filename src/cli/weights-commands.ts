import type { Command } from 'commander';
import type { ListOptions, PullOptions } from './commands/weights.ts';
import type { CliContext } from './context.ts';
import type { Done } from './server-commands.ts';

/** Commands about the weights of models; they need no running server. */
export function addWeightsCommands(program: Command, context: CliContext, done: Done): void {
  const models = program.command('models').description('the weights of the models: fetch them, list them');
  models
    .command('pull')
    .description('fetch weights from the hub; what was broken off goes on where it was')
    .argument('[model...]', 'ids or aliases')
    .option('--all', 'of every model in the models file')
    .option('--update', 'what branches mean now, instead of the commits in the lock file; and lock that')
    .option('--models <file>', 'another models file')
    .option('--json', 'one JSON object per line')
    .action(async (names: string[], options: PullOptions) => {
      const { pullWeights } = await import('./commands/weights.ts');
      done(await pullWeights(context, names, options));
    });
  models
    .command('ls')
    .description('which weights are here, which are missing')
    .option('--models <file>', 'another models file')
    .option('--missing', 'only the ids of models that lack some')
    .option('--json', 'as JSON')
    .action(async (options: ListOptions) => {
      const { listWeights } = await import('./commands/weights.ts');
      done(await listWeights(context, options));
    });
}
