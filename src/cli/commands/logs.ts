import { z } from 'zod';
import { systemClock } from '../../platform/clock.ts';
import { type ApiClient, connect } from '../api-client.ts';
import { exitCodes } from '../cli-error.ts';
import { type CliContext, clientSettings } from '../context.ts';
import { untilInterrupted } from '../interrupt.ts';
import { newLines } from '../new-lines.ts';
import type { Terminal } from '../terminal.ts';
import { renderLogLine } from '../views/log-line.ts';

const logJson = z.object({ lines: z.array(z.string()) });

export interface LogsOptions {
  readonly lines: number;
  readonly follow?: boolean;
}

/** The same window each time, so that what is new can be told from what was there. */
const windowLines = 500;

/** The end of what a model's server printed; `follow` goes on until Ctrl-C. */
export async function logs(context: CliContext, model: string, options: LogsOptions): Promise<number> {
  const print = printer(context.terminal);
  await using api = await connect(clientSettings(context));
  const count = options.follow ? Math.max(options.lines, windowLines) : options.lines;
  let seen = await tail(api, model, count);
  print(options.lines > 0 ? seen.slice(-options.lines) : []);
  if (options.follow)
    await untilInterrupted(async (signal) => {
      await systemClock.sleep(1000, signal);
      const next = await tail(api, model, count);
      print(newLines(seen, next));
      seen = next;
    });
  return exitCodes.ok;
}

/** Readable on a terminal, untouched where another program reads. */
const printer =
  ({ isTty, paint, out }: Terminal) =>
  (lines: readonly string[]) =>
    out(lines.map((line) => `${isTty ? renderLogLine(line, paint) : line}\n`).join(''));

const tail = async (api: ApiClient, model: string, lines: number) =>
  (await api.get(`/admin/models/${encodeURIComponent(model)}/logs?lines=${lines}`, logJson)).lines;
