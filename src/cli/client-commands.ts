import { type Command, InvalidArgumentError } from 'commander';
import type { JobsOptions } from './commands/jobs.ts';
import type { LogsOptions } from './commands/logs.ts';
import type { StatusOptions } from './commands/status.ts';
import type { TraceExportOptions } from './commands/trace.ts';
import type { CliContext } from './context.ts';
import { modelActions } from './model-actions.ts';
import type { Done } from './server-commands.ts';

/** Commands that talk to a running server over its HTTP API. */
export function addClientCommands(program: Command, context: CliContext, done: Done): void {
  addViews(program, context, done);
  addJobCommands(program, context, done);
  addTraceCommand(program, context, done);
  for (const [action, description] of modelActions)
    program
      .command(action)
      .description(description)
      .argument('<model>', 'id or alias')
      .action(async (model: string) => {
        const { actOnModel } = await import('./commands/models.ts');
        done(await actOnModel(context, action, model));
      });
}

function addViews(program: Command, context: CliContext, done: Done): void {
  program
    .command('status')
    .description('show the models, their queues, the last swaps and the workers')
    .option('-w, --watch', 'draw it anew each second until Ctrl-C')
    .option('--json', 'as the API gives it')
    .action(async (options: StatusOptions) => {
      const { status } = await import('./commands/status.ts');
      done(await status(context, options));
    });
  program
    .command('logs')
    .description("print the end of what a model's server wrote")
    .argument('<model>', 'id or alias')
    .option('-n, --lines <count>', 'how many lines', wholeNumber(1, 5000), 50)
    .option('-f, --follow', 'go on until Ctrl-C')
    .action(async (model: string, options: LogsOptions) => {
      const { logs } = await import('./commands/logs.ts');
      done(await logs(context, model, options));
    });
}

function addJobCommands(program: Command, context: CliContext, done: Done): void {
  program
    .command('jobs')
    .description('list the newest jobs')
    .option('-n, --limit <count>', 'how many', wholeNumber(1, 100), 20)
    .option('--status <status>', 'only these')
    .option('--model <model>', 'only of this model')
    .option('--json', 'as the API gives it')
    .action(async (options: JobsOptions) => {
      const { listJobs } = await import('./commands/jobs.ts');
      done(await listJobs(context, options));
    });
  const jobCommands = [
    ['job', 'show one job with its result; exit code 3 when it failed', 'showJob'],
    ['cancel', 'cancel a job', 'cancelJob'],
  ] as const;
  for (const [name, description, action] of jobCommands)
    program
      .command(name)
      .description(description)
      .argument('<id>', 'job id')
      .option('--json', 'as the API gives it')
      .action(async (id: string, options: { json?: boolean }) => {
        const commands = await import('./commands/jobs.ts');
        done(await commands[action](context, id, options));
      });
}

function addTraceCommand(program: Command, context: CliContext, done: Done): void {
  program
    .command('trace')
    .description('what the server did, to be simulated with other settings')
    .command('export')
    .description('write its jobs and swaps as a trace file, for npm run bench:traces -- --trace-file')
    .option('-o, --output <file>', 'default: stdout')
    .action(async (options: TraceExportOptions) => {
      const { exportTrace } = await import('./commands/trace.ts');
      done(await exportTrace(context, options));
    });
}

const wholeNumber = (min: number, max: number) => (text: string) => {
  if (/^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
  throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
};
