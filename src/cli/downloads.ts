import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../config/environment.ts';
import type { Settings } from '../config/settings.ts';
import type { AskedRepository } from '../config/weights-lock.ts';
import { launch } from '../platform/child-process.ts';
import { CliError } from './cli-error.ts';
import { type DownloadEvent, downloadEvent } from './download-events.ts';

/** After Ctrl-C, for files to be closed. */
const graceMs = 10_000;
const keptLines = 15;

export interface DownloadRun {
  readonly settings: Settings;
  readonly env: Env;
  readonly repositories: readonly AskedRepository[];
  readonly onEvent: (event: DownloadEvent) => void;
}

/** Fetches what is missing. Ctrl-C or SIGTERM ends it in order; `interrupted` is told then. */
export async function pull(run: DownloadRun): Promise<void> {
  const python = join(run.settings.projectDir, '.venvs/downloads/bin/python');
  if (!(await isProgram(python)))
    throw new CliError(
      'The program that downloads weights is not installed (.venvs/downloads).',
      'Run scripts/download-models.sh, which installs it first, or scripts/install.sh --services downloads.',
    );
  await runModule('downloads.pull', python, run);
}

/** Looks at what is here; any Python will do. */
export const readStatus = (run: DownloadRun): Promise<void> => runModule('downloads.status', 'python3', run);

async function runModule(name: string, python: string, run: DownloadRun): Promise<void> {
  const { settings, env, repositories, onEvent } = run;
  const request = { repositories, token_file: settings.hubTokenPath };
  const said: string[] = [];
  const seen = { isEnd: false };
  const launched = launch({
    command: python,
    args: ['-m', name, '--request', JSON.stringify(request)],
    cwd: settings.projectDir,
    env: childEnvironment(env, settings),
    graceMs,
    onLine: (line, stream) => {
      const event = stream === 'stdout' ? asEvent(line) : null;
      if (event === null) said.push(line);
      else onEvent(event);
      if (event?.event === 'error' || event?.event === 'interrupted') seen.isEnd = true;
      said.splice(0, said.length - keptLines);
    },
  });
  const { code, signal } = await endingWithUs(launched);
  if (code === 0 || seen.isEnd) return;
  throw new CliError(`${name} ended with ${signal ?? `exit code ${code}`}.`, said.join('\n    '));
}

async function endingWithUs(launched: ReturnType<typeof launch>) {
  let asked = 0;
  const end = () => (asked++ === 0 ? launched.terminate() : launched.kill());
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  try {
    return await launched.exited;
  } finally {
    process.off('SIGINT', end);
    process.off('SIGTERM', end);
  }
}

/** The token of the hub is in it, and no secret of ours. */
function childEnvironment(env: Env, { projectDir, weightsDir }: Settings): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(ROUNDHOUSE_|RUNPOD_|NODE_|npm_|PYTHON|REDIS_URL$)/.test(entry[0]),
  );
  return {
    ...Object.fromEntries(kept),
    HF_HOME: weightsDir,
    PYTHONPATH: join(projectDir, 'gpu-services'),
    PYTHONDONTWRITEBYTECODE: '1',
  };
}

function asEvent(line: string): DownloadEvent | null {
  try {
    return downloadEvent.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}

const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
