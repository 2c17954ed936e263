import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../config/environment.ts';
import type { BootId } from '../contracts/ids.ts';
import type { ModelSpec } from '../contracts/model.ts';
import type { ServiceEvent } from '../contracts/service-protocol.ts';
import { type ExitStatus, type LaunchedProcess, launch } from '../platform/child-process.ts';
import type { Clock } from '../platform/clock.ts';
import type { Target } from '../platform/http-client.ts';
import type { LauncherPool } from '../platform/launcher-pool.ts';
import { killMarked } from './marked-processes.ts';
import { serverEnvironment } from './server-environment.ts';
import type { ServerLog } from './server-log.ts';
import { servicePython, unpackedLibraries } from './service-python.ts';
import { StartSigns } from './start-signs.ts';

/** What all model servers of this instance have in common. */
export interface ServerSurroundings {
  readonly projectDir: string;
  /** Folder of the servers' sockets. */
  readonly socketsDir: string;
  readonly instanceId: string;
  /** Environment of this process; secrets are taken out of it. */
  readonly env: Env;
  /** null: where the environment says. */
  readonly weightsDir: string | null;
  readonly clock: Clock;
  readonly launchers: Pick<LauncherPool, 'take'>;
}

export interface ModelProcessOptions {
  readonly spec: ModelSpec;
  readonly bootId: BootId;
  readonly log: ServerLog;
  readonly onEvent: (event: ServiceEvent) => void;
}

/** Short, since a socket is named after it, and new for every start. */
export const newBootId = (): BootId => randomBytes(6).toString('hex') as BootId;

/** One start of one model's server: from the launch of its tree until nothing of that is left. */
export class ModelProcess {
  readonly bootId: BootId;
  readonly target: Target;
  /** Nobody else can answer there. */
  readonly isOwnSocket: boolean;
  readonly signs: StartSigns;
  /** What is wrong with where it runs, should it not come up; null: nothing. */
  readonly note: string | null;
  /** Resolves when the whole tree is gone. Never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** We asked for its end. */
  isEnding = false;
  private readonly launched: LaunchedProcess;

  private constructor(
    launched: LaunchedProcess,
    signs: StartSigns,
    bootId: BootId,
    place: Place,
    note: string | null,
    cleanUp: CleanUp,
  ) {
    this.launched = launched;
    this.signs = signs;
    this.note = note;
    this.bootId = bootId;
    this.target = place.target;
    this.isOwnSocket = place.socketPath !== null;
    this.exited = this.untilGone(cleanUp);
  }

  static async start(surroundings: ServerSurroundings, options: ModelProcessOptions): Promise<ModelProcess> {
    const { projectDir, instanceId, env, weightsDir, clock, launchers } = surroundings;
    const { spec, bootId, log, onEvent } = options;
    const place = placeOf(surroundings.socketsDir, spec, bootId);
    // Each time, since a cleaner of temporary files may have taken it.
    await mkdir(surroundings.socketsDir, { recursive: true, mode: 0o700 });
    const python = await servicePython(projectDir, spec.serviceScript);
    const libraryDir = await unpackedLibraries(projectDir);
    log.begin(`--- start ${bootId} at ${new Date(clock.now()).toISOString()}`);
    if (python.note) log.add(`--- ${python.note}`);
    const signs = new StartSigns(() => clock.monotonicMs());
    const launched = launch({
      launchers,
      command: python.command,
      args: [spec.serviceScript],
      cwd: projectDir,
      env: serverEnvironment(env, {
        spec,
        bootId,
        instanceId,
        projectDir,
        libraryDir,
        weightsDir,
        socketPath: place.socketPath,
      }),
      graceMs: spec.deadlines.stopGraceMs,
      onLine: (line) => log.add(line),
      onOutput: () => signs.sawOutput(),
      onEvent: (event) => {
        if (!isOfStart(event, bootId)) return;
        signs.sawEvent(event);
        onEvent(event);
      },
    });
    const cleanUp = async (isCertain: boolean) => {
      // Without a word from its launcher, the tree may have outlived it.
      if (!isCertain) await killMarked(instanceId, (boot) => boot === bootId, clock);
      if (place.socketPath !== null) await rm(place.socketPath, { force: true }).catch(() => {});
    };
    return new ModelProcess(launched, signs, bootId, place, python.note, cleanUp);
  }

  /** SIGTERM; the whole tree is killed when the grace of the model is over. */
  terminate(): void {
    this.isEnding = true;
    this.launched.terminate();
  }

  /** SIGKILL to the whole tree, at once. */
  kill(): void {
    this.isEnding = true;
    this.launched.kill();
  }

  private async untilGone(cleanUp: CleanUp): Promise<ExitStatus> {
    const { code, signal, isCertain } = await this.launched.exited;
    await cleanUp(isCertain);
    this.signs.sawExit({ code, signal });
    return { code, signal };
  }
}

type CleanUp = (isCertain: boolean) => Promise<void>;

interface Place {
  readonly target: Target;
  readonly socketPath: string | null;
}

function placeOf(socketsDir: string, { port }: ModelSpec, bootId: BootId): Place {
  if (port !== null) return { target: { origin: `http://127.0.0.1:${port}` }, socketPath: null };
  const socketPath = join(socketsDir, `${bootId}.sock`);
  return { target: { socketPath }, socketPath };
}

/** The pipe belongs to one start, so an event without a boot id is of it. */
function isOfStart(event: ServiceEvent, bootId: BootId): boolean {
  return !('boot_id' in event) || !event.boot_id || event.boot_id === bootId;
}
