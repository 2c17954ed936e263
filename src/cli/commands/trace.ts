import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { connect } from '../api-client.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { type CliContext, clientSettings } from '../context.ts';
import { formatDuration } from '../durations.ts';
import {
  type ExportedTrace,
  gpuJson,
  jobHistoryJson,
  swapHistoryJson,
  traceModelsJson,
  traceOf,
} from '../trace-lines.ts';

export interface TraceExportOptions {
  readonly output?: string;
}

/** As much as a server remembers. */
const mostEvents = 10_000;

/** Writes what the server did as a trace file: what `npm run bench:traces -- --trace-file` plays again. */
export async function exportTrace(context: CliContext, { output }: TraceExportOptions): Promise<number> {
  const { terminal, workingDir } = context;
  await using api = await connect(clientSettings(context));
  const [jobs, swaps, models, gpu] = await Promise.all([
    api.get(`/admin/history?kind=jobs&limit=${mostEvents}`, jobHistoryJson),
    api.get(`/admin/history?kind=swaps&limit=${mostEvents}`, swapHistoryJson),
    api.get('/v1/models', traceModelsJson),
    api.get('/v1/queue', gpuJson),
  ]);
  const trace = traceOf({ jobs, swaps, models, gpu });
  if (trace.jobs.length === 0)
    throw new CliError('The server remembers no job that ran to its end.', 'Run some, and export again.');
  const text = [trace.header, ...trace.jobs].map((line) => `${JSON.stringify(line)}\n`).join('');
  if (output === undefined) terminal.out(text);
  else await write(resolve(workingDir, output), text);
  terminal.err(`${summary(trace)}\n`);
  return exitCodes.ok;
}

async function write(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (error) {
    const { message } = error as Error;
    throw new CliError(`${path} cannot be written (${message}).`, 'Name another file with --output.');
  }
}

function summary({ header, jobs, leftOut, assumed }: ExportedTrace): string {
  const span = formatDuration(jobs.at(-1)?.t_ms ?? 0);
  const wrote = `${jobs.length} jobs of ${header.models.length} models within ${span}`;
  const rest = leftOut === 0 ? '' : `; ${leftOut} others ran to no end, or are remembered in part`;
  const loads =
    assumed.length === 0 ? '' : `; no load of ${assumed.join(', ')} is remembered: 60 s are assumed`;
  return `${wrote}${rest}${loads}.`;
}
