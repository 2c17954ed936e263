import { basename, resolve } from 'node:path';
import type { ModelWeights, WantedRepository } from '../../config/model-weights.ts';
import { readModelsFile } from '../../config/models-file.ts';
import { nearestName } from '../../config/nearest-name.ts';
import { ConfigError } from '../../config/problem.ts';
import {
  type AskedRepository,
  atLockedCommit,
  isSamePlace,
  placeOf,
  weightsLockPath,
} from '../../config/weights-lock.ts';
import type { ModelId } from '../../contracts/ids.ts';
import type { ModelSpec } from '../../contracts/model.ts';
import type { Registry } from '../../contracts/registry.ts';
import { systemClock } from '../../platform/clock.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { type CliContext, clientSettings, registryPath } from '../context.ts';
import type { DownloadEvent, EventOf } from '../download-events.ts';
import { type DownloadRun, pull, readStatus } from '../downloads.ts';
import { modelWeights } from '../model-weights.ts';
import { type PinEvent, Pinning } from '../pinning.ts';
import { PullDisplay } from '../pull-display.ts';
import { renderWeights, type WeightsRow } from '../views/weights-view.ts';
import { readWeightsLock } from '../weights-lock-file.ts';

interface FileOption {
  /** Another models file. */
  readonly models?: string;
}

export interface PullOptions extends FileOption {
  readonly all?: boolean;
  /** Takes what branches mean now, whatever the lock file says. */
  readonly update?: boolean;
  readonly json?: boolean;
}

export interface ListOptions extends FileOption {
  readonly json?: boolean;
  /** Only the names of models whose weights are not all here. */
  readonly missing?: boolean;
}

/** Fetches the weights of the named models, or of all of the models file. */
export async function pullWeights(
  context: CliContext,
  names: readonly string[],
  options: PullOptions,
): Promise<number> {
  const registry = await registryOf(context, options.models);
  const lockPath = weightsLockPath(registry.path);
  const lock = readWeightsLock(lockPath);
  const wanted = chosen(registry, names, options.all ?? false).map((spec) => modelWeights(context, spec));
  const { terminal } = context;
  const display = new PullDisplay(terminal, () => systemClock.monotonicMs(), basename(lockPath));
  const pinning = new Pinning(lockPath, lock);
  const ends: DownloadEvent[] = [];
  if (!options.json) tellElsewhere(context, wanted);
  const own = wanted.flatMap((each) => each.repositories);
  const repositories = options.update ? withThoseBeside(context, registry, own) : own;
  if (repositories.length === 0) return exitCodes.ok;
  const tell = (event: DownloadEvent | PinEvent) =>
    options.json ? terminal.out(`${JSON.stringify(event)}\n`) : display.show(event);
  const asking = repositories.map((each) => atLockedCommit(each, options.update ? [] : lock));
  await pull(
    runOf(context, asking, (event) => {
      if (event.event === 'error' || event.event === 'interrupted') ends.push(event);
      for (const each of [...pinning.at(event), event]) tell(each);
    }),
  );
  return verdict(context, ends, repositories);
}

/** A branch that moves moves for every model that loads from it, and each may need other files of it. */
function withThoseBeside(
  context: CliContext,
  registry: Registry,
  own: readonly WantedRepository[],
): readonly WantedRepository[] {
  const all = [...registry.models.values()].flatMap((spec) => modelWeights(context, spec).repositories);
  return all.filter((each) => own.some((mine) => isSamePlace(placeOf(mine), placeOf(each))));
}

function verdict(
  { terminal }: CliContext,
  ends: readonly DownloadEvent[],
  asked: readonly WantedRepository[],
): number {
  const error = ends.find((event) => event.event === 'error');
  if (error) throw new CliError(error.message, `${error.fix}${others(error.message, asked)}`);
  if (ends.length === 0) return exitCodes.ok;
  terminal.err('Stopped. What is here is kept; the same command goes on from there.\n');
  return exitCodes.interrupted;
}

/** All is planned before anything is fetched, so that one that is refused keeps the others waiting. */
function others(message: string, asked: readonly WantedRepository[]): string {
  const refused = new Set(asked.filter(({ repo }) => message.includes(repo)).flatMap(({ models }) => models));
  const rest = [...new Set(asked.flatMap(({ models }) => models))].filter((model) => !refused.has(model));
  if (refused.size === 0 || rest.length === 0) return '';
  return `\n    To fetch others meanwhile, name them: roundhouse models pull ${rest.join(' ')}`;
}

/** Which weights are here, without asking the hub. */
export async function listWeights(context: CliContext, options: ListOptions): Promise<number> {
  const registry = await registryOf(context, options.models);
  const all = [...registry.models.values()].map((spec) => modelWeights(context, spec));
  const lock = readWeightsLock(weightsLockPath(registry.path));
  const statuses = await statusesOf(
    context,
    all.flatMap((each) => each.repositories).map((each) => atLockedCommit(each, lock)),
  );
  const rows = all.flatMap((each) => rowsOf(each, statuses));
  const { terminal } = context;
  if (options.missing) terminal.out(unready(rows).join(''));
  else if (options.json) terminal.out(`${JSON.stringify(rows.map(asJson), null, 2)}\n`);
  else terminal.out(renderWeights(rows, terminal));
  return exitCodes.ok;
}

const unready = (rows: readonly WeightsRow[]): string[] => [
  ...new Set(
    rows
      .filter(({ status }) => status?.state === 'missing' || status?.state === 'partial')
      .map(({ model }) => `${model}\n`),
  ),
];

const asJson = ({ model, status, elsewhere }: WeightsRow) => {
  if (status === null) return { model, state: 'elsewhere', elsewhere };
  const { event: _event, models: _models, ...facts } = status;
  return { model, ...facts };
};

async function statusesOf(
  context: CliContext,
  repositories: readonly AskedRepository[],
): Promise<readonly EventOf<'status'>[]> {
  if (repositories.length === 0) return [];
  const statuses: EventOf<'status'>[] = [];
  await readStatus(
    runOf(context, repositories, (event) => {
      if (event.event === 'status') statuses.push(event);
    }),
  );
  return statuses;
}

function rowsOf(
  { model, repositories, elsewhere }: ModelWeights,
  statuses: readonly EventOf<'status'>[],
): WeightsRow[] {
  const own = repositories.flatMap((each) =>
    statuses.filter((status) => isSamePlace(status, placeOf(each))).slice(0, 1),
  );
  const rows = own.map((status) => ({ model, status, elsewhere: null }));
  return elsewhere === null ? rows : [...rows, { model, status: null, elsewhere }];
}

/** The models file with its services, as far as they are here. */
async function registryOf(context: CliContext, file: string | undefined): Promise<Registry> {
  const { projectDir, workingDir } = context;
  const path = file === undefined ? await registryPath(context) : resolve(workingDir, file);
  const result = readModelsFile(path, projectDir, { notShipped: 'warning' });
  if ('problems' in result) throw new ConfigError(result.problems);
  return result.registry;
}

function chosen(registry: Registry, names: readonly string[], isAll: boolean): readonly ModelSpec[] {
  const all = [...registry.models.values()];
  if (isAll) return all;
  if (names.length === 0)
    throw new CliError(
      'Which model?',
      `Name one of ${[...registry.models.keys()].join(', ')}, or give --all.`,
      exitCodes.usage,
    );
  const ids = new Set(names.map((name) => idOf(registry, name)));
  return all.filter(({ id }) => ids.has(id));
}

function idOf({ names, path }: Registry, name: string): ModelId {
  const id = names.get(name);
  if (id !== undefined) return id;
  const meant = nearestName(name, [...names.keys()]);
  const fix = meant ? `Did you mean ${meant}?` : `There are: ${[...new Set(names.values())].join(', ')}.`;
  throw new CliError(`There is no model ${name} in ${path}.`, fix);
}

function tellElsewhere({ terminal }: CliContext, wanted: readonly ModelWeights[]): void {
  for (const { model, elsewhere } of wanted)
    if (elsewhere !== null)
      terminal.out(`${terminal.paint('strong', model)}  nothing to fetch: ${elsewhere}\n`);
}

const runOf = (
  context: CliContext,
  repositories: readonly AskedRepository[],
  onEvent: DownloadRun['onEvent'],
): DownloadRun => ({ settings: clientSettings(context), env: context.env, repositories, onEvent });
