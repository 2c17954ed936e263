import { systemClock } from '../../platform/clock.ts';
import { type ApiClient, connect } from '../api-client.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { type CliContext, clientSettings } from '../context.ts';
import { untilInterrupted } from '../interrupt.ts';
import {
  modelsJson,
  queuesJson,
  readyJson,
  type StatusAnswers,
  statusFacts,
  swapsJson,
} from '../status-json.ts';
import type { Terminal } from '../terminal.ts';
import { renderStatus } from '../views/status-view.ts';

export interface StatusOptions {
  readonly watch?: boolean;
  readonly json?: boolean;
}

const shownSwaps = 5;
const everyMs = 1000;

/** What is on the turntable and who waits; exit code 69 when the server is not ready. */
export async function status(context: CliContext, { watch, json }: StatusOptions): Promise<number> {
  const { terminal } = context;
  await using api = await connect(clientSettings(context));
  if (watch) return await watchStatus(api, terminal);
  const answers = await ask(api);
  if (json) terminal.out(`${JSON.stringify(answers, null, 2)}\n`);
  else terminal.out(render(answers, terminal));
  return answers.ready.status === 'ready' ? exitCodes.ok : exitCodes.unavailable;
}

const render = (answers: StatusAnswers, { columns, paint }: Terminal) =>
  renderStatus(statusFacts(answers), { columns, paint });

async function ask(api: ApiClient): Promise<StatusAnswers> {
  const [ready, models, queues, swaps] = await Promise.all([
    api.probe('/ready', readyJson),
    api.get('/v1/models', modelsJson),
    api.get('/v1/queue', queuesJson).catch(nullWhenAway),
    api.get(`/admin/history?kind=swaps&limit=${shownSwaps * 2}`, swapsJson).catch(nullWhenAway),
  ]);
  const recent = swaps && { ...swaps, data: swaps.data.slice(0, shownSwaps) };
  return { url: api.url, nowMs: Date.now(), ready, models, queues, swaps: recent };
}

/** The queue may be away while the API answers; that is part of the picture, not its end. */
function nullWhenAway(error: unknown): null {
  if (error instanceof CliError && error.exitCode === exitCodes.unavailable) return null;
  throw error;
}

const home = '\x1b[H';
const clearRest = '\x1b[J';
const clearLineEnd = '\x1b[K';
const hideCursor = '\x1b[?25l\x1b[2J';
const showCursor = '\x1b[?25h';

/** Draws anew each second, also through a restart of the server, until Ctrl-C. */
async function watchStatus(api: ApiClient, terminal: Terminal): Promise<number> {
  const draw = (text: string) =>
    terminal.isTty
      ? terminal.out(`${home}${text.replaceAll('\n', `${clearLineEnd}\n`)}${clearRest}`)
      : terminal.out(`${text}\n`);
  if (terminal.isTty) terminal.out(hideCursor);
  try {
    await untilInterrupted(async (signal) => {
      draw(await ask(api).then((answers) => render(answers, terminal), unreachableText));
      await systemClock.sleep(everyMs, signal);
    });
  } finally {
    if (terminal.isTty) terminal.out(showCursor);
  }
  return exitCodes.ok;
}

function unreachableText(error: unknown): string {
  if (error instanceof CliError) return `${error.message}\n${error.fix}\n`;
  throw error;
}
