import { type Env, environment } from '../config/environment.ts';
import { parseSettings, type Settings, thisMachine } from '../config/settings.ts';
import { hasGpu } from '../platform/gpu-presence.ts';
import type { Terminal } from './terminal.ts';

/** What every command is given. */
export interface CliContext {
  readonly env: Env;
  readonly projectDir: string;
  /** Relative files on the command line count from here. */
  readonly workingDir: string;
  readonly terminal: Terminal;
}

export const readEnvironment = environment;

/**
 * Settings as a server would read them, but for the role: the terminal needs no Redis.
 * @throws ConfigError
 */
export function clientSettings({ env, projectDir }: CliContext): Settings {
  return parseSettings({ ...env, ROUNDHOUSE_ROLE: 'all' }, projectDir);
}

/** The models file that a server would use. @throws ConfigError */
export async function registryPath({ env, projectDir }: CliContext): Promise<string> {
  const machine = thisMachine(await hasGpu(env.PATH ?? ''));
  return parseSettings({ ...env, ROUNDHOUSE_ROLE: 'all' }, projectDir, machine).modelsPath;
}
