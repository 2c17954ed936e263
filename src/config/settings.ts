import { hostname } from 'node:os';
import type { Env } from './environment.ts';
import { nearestName } from './nearest-name.ts';
import { ConfigError, type Problem } from './problem.ts';
import { InvalidValue } from './setting-parsers.ts';
import {
  type Machine,
  type Setting,
  type SettingContext,
  type SettingValues,
  settingsTable,
} from './settings-table.ts';

const prefix = 'ROUNDHOUSE_';

export type { Machine, Role } from './settings-table.ts';

export interface Settings extends SettingValues {
  readonly projectDir: string;
  /** Names that look like a setting and are none. */
  readonly warnings: readonly Problem[];
}

/** This machine; whether it has a GPU is for the caller to find out. */
export const thisMachine = (hasGpu: boolean): Machine => ({
  hostName: hostname(),
  userId: process.getuid?.() ?? 0,
  hasGpu,
});

/**
 * Reads every setting once. An empty value counts as not set.
 * @throws ConfigError with all problems at once
 */
export function parseSettings(env: Env, projectDir: string, machine: Machine = thisMachine(false)): Settings {
  const context = { env, projectDir, machine };
  const problems: Problem[] = [];
  const values = Object.fromEntries(
    Object.entries(settingsTable).map(([key, setting]) => [key, read(setting, context, problems)]),
  ) as unknown as SettingValues;
  if (problems.length === 0) problems.push(...contradictions(values));
  if (problems.length > 0) throw new ConfigError(problems);
  return { ...values, projectDir, warnings: unknownNames(env) };
}

function read(setting: Setting<unknown>, context: SettingContext, problems: Problem[]): unknown {
  const text = context.env[setting.name]?.trim();
  if (!text) return setting.fallback(context);
  try {
    return setting.parse(text, context);
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    problems.push({ where: setting.name, line: null, ...describe(setting, text, error) });
    return undefined;
  }
}

function describe(setting: Setting<unknown>, text: string, { message }: InvalidValue) {
  const isSecret = /KEY|REDIS_URL/.test(setting.name);
  const plainDefault = setting.shown.replaceAll('`', '');
  return {
    what: `${isSecret ? 'its value' : `"${text}"`} ${message}`,
    fix: `Leave it unset for the default (${plainDefault}).`,
  };
}

function contradictions({ role, redisUrl }: SettingValues): Problem[] {
  if (role === 'all' || redisUrl !== null) return [];
  return [
    {
      where: 'REDIS_URL',
      line: null,
      what: `role ${role} shares a Redis with the other half, and none is named.`,
      fix: 'Set REDIS_URL=redis://:password@host:6379 to the same server for both, or use role all.',
    },
  ];
}

function unknownNames(env: Env): Problem[] {
  const known = new Set(Object.values(settingsTable).map(({ name }) => name.replace(prefix, '')));
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && !known.has(name.replace(prefix, '')))
    .map((name) => {
      const meant = nearestName(name.replace(prefix, ''), known);
      const fix = meant ? `Did you mean ${prefix}${meant}?` : '"roundhouse help" lists them all.';
      return { where: name, line: null, what: 'there is no such setting; it is ignored.', fix };
    });
}
