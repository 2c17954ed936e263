import { randomUUID } from 'node:crypto';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../config/environment.ts';
import { type ModelsFile, readModelsFile } from '../config/models-file.ts';
import { ConfigError, formatProblem } from '../config/problem.ts';
import { parseSettings, type Role, type Settings, thisMachine } from '../config/settings.ts';
import type { Emit, RoundhouseEvent } from '../contracts/events.ts';
import type { Registry } from '../contracts/registry.ts';
import { ArtifactStore } from '../platform/artifact-store.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import { createEventLog } from '../platform/event-log.ts';
import { FaultNews } from '../platform/fault-news.ts';
import { hasGpu } from '../platform/gpu-presence.ts';
import { HttpClient } from '../platform/http-client.ts';
import { createLogger, isForEyes } from '../platform/logger.ts';
import { openRuntimeDir } from '../platform/runtime-dir.ts';
import type { OfferStart } from '../queue/start-offer.ts';

export interface ServeOptions {
  readonly env: Env;
  readonly projectDir: string;
  /** Wins over ROUNDHOUSE_ROLE. */
  readonly role?: Role;
  /** The machine's, unless a bench makes time run faster. */
  readonly clock?: Clock;
}

/** What all parts of one process share. */
export interface House {
  readonly settings: Settings;
  readonly env: Env;
  readonly hasGpu: boolean;
  readonly registry: () => Registry;
  /** This run of the process. */
  readonly bootId: string;
  /** The same over restarts on one data folder: marks every process of ours. */
  readonly instanceId: string;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Events go to these, too. */
  readonly listeners: Set<Emit>;
  /** From the API to the worker of the same process, where there is one. */
  readonly shortcut: { offerStart: OfferStart };
  readonly http: HttpClient;
  readonly artifacts: ArtifactStore;
  /** Files that clients sent. */
  readonly uploads: ArtifactStore;
}

/**
 * Reads settings and models file and makes the folders.
 * @throws ConfigError with every problem at once
 */
export async function openHouse({
  env,
  projectDir,
  role,
  clock = systemClock,
}: ServeOptions): Promise<House> {
  const gpu = await hasGpu(env.PATH ?? '');
  const roleEnv = role === undefined ? env : { ...env, ROUNDHOUSE_ROLE: role };
  const settings = parseSettings(roleEnv, projectDir, thisMachine(gpu));
  const { registry, warnings } = readRegistry(settings);
  await mkdir(settings.dataDir, { recursive: true, mode: 0o700 });
  await openRuntimeDir(settings.runtimeDir);
  const listeners = new Set([
    createEventLog(createLogger({ level: settings.logLevel, pretty: isForEyes() })),
  ]);
  const faults = new FaultNews(clock);
  const emit = (event: RoundhouseEvent): void => {
    if (event.type === 'system.fault' && !faults.isNews(event)) return;
    for (const listen of listeners) listen(event);
  };
  emit({ type: 'registry.loaded', path: settings.modelsPath, models: [...registry.models.keys()] });
  if (warnings.length > 0)
    emit({ type: 'registry.warned', path: settings.modelsPath, warnings: warnings.map(formatProblem) });
  return {
    settings,
    env,
    hasGpu: gpu,
    registry: () => registry,
    bootId: randomUUID(),
    instanceId: await realpath(settings.dataDir),
    clock,
    emit,
    listeners,
    shortcut: { offerStart: () => null },
    http: new HttpClient(),
    artifacts: new ArtifactStore({ root: join(settings.dataDir, 'artifacts') }),
    uploads: new ArtifactStore({ root: join(settings.dataDir, 'uploads') }),
  };
}

function readRegistry({ modelsPath, projectDir }: Settings): Extract<ModelsFile, { registry: Registry }> {
  const file = readModelsFile(modelsPath, projectDir);
  if ('problems' in file) throw new ConfigError(file.problems);
  return file;
}
