import { join } from 'node:path';
import type { Env } from '../config/environment.ts';
import { errors } from '../contracts/error-catalogue.ts';
import type { Emit } from '../contracts/events.ts';
import type { ModelId } from '../contracts/ids.ts';
import type { ModelSpec } from '../contracts/model.ts';
import type { Clock } from '../platform/clock.ts';
import { hostFreeMb } from '../platform/host-memory.ts';
import { LauncherPool } from '../platform/launcher-pool.ts';
import type { GpuProbe } from './gpu-probe.ts';
import type { ProbeClient } from './health-probe.ts';
import { killMarked } from './marked-processes.ts';
import { newServer, type ServerStatus } from './model-lifecycle.ts';
import type { ServerSurroundings } from './model-process.ts';
import { ModelServer } from './model-server.ts';
import { sweepOrphans } from './orphan-sweep.ts';
import { ReadAhead } from './read-ahead.ts';
import type { Lease } from './server-leases.ts';
import { ServerLog } from './server-log.ts';
import { VramGate } from './vram-gate.ts';

export interface TurntableOptions {
  /** The models as they are now; asked again at each call. */
  readonly models: () => ReadonlyMap<ModelId, ModelSpec>;
  readonly projectDir: string;
  /** Short, on a local disk, ours alone: sockets. */
  readonly runtimeDir: string;
  readonly logsDir: string;
  /** The same over restarts on one data folder: marks all processes of ours. */
  readonly instanceId: string;
  /** Environment of this process; model servers get it without its secrets. */
  readonly env: Env;
  /** Where model servers find weights of the hub; null: where their environment says. */
  readonly weightsDir?: string;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly gpuProbe: GpuProbe;
  readonly http: ProbeClient;
  /** How long memory may take to come back; 15 s unless a test says otherwise. */
  readonly settleMs?: number;
  /** Host memory that may be taken, MB; the machine's own word unless a test says otherwise. */
  readonly hostFreeMb?: () => Promise<number | null>;
  /** How long falling asleep or waking may take; 60 s unless a test says otherwise. */
  readonly sleepPatienceMs?: number;
}

export interface TurntableView extends ServerStatus {
  readonly model: ModelId;
  /** Its next load is a wake, as far as can be told. */
  readonly sleeps: boolean;
}

type ChangeListener = (model: ModelId, view: TurntableView) => void;

/** Front door of the supervisor: keeps model servers alive, or surely gone. What runs when is decided elsewhere. */
export class ProcessTurntable {
  readonly name = 'turntable';
  private readonly options: TurntableOptions;
  private readonly surroundings: ServerSurroundings;
  private readonly launchers: LauncherPool;
  private readonly gate: VramGate;
  private readonly ahead: ReadAhead;
  private readonly servers = new Map<ModelId, ModelServer>();
  private readonly logs = new Map<ModelId, ServerLog>();
  private readonly listeners = new Set<ChangeListener>();
  private readonly startedAtMs: number;

  constructor(options: TurntableOptions) {
    const {
      projectDir,
      runtimeDir,
      instanceId,
      env,
      weightsDir = null,
      clock,
      gpuProbe,
      emit,
      settleMs,
    } = options;
    this.options = options;
    this.startedAtMs = clock.now();
    this.launchers = new LauncherPool(env.PATH ?? '', clock);
    const socketsDir = join(runtimeDir, 'm');
    const { launchers } = this;
    this.surroundings = { projectDir, socketsDir, instanceId, env, weightsDir, clock, launchers };
    const freeMb = options.hostFreeMb ?? hostFreeMb;
    const known = join(options.logsDir, '..', 'weights.json');
    this.ahead = new ReadAhead({ path: known, clock, emit, hostFreeMb: freeMb });
    this.gate = new VramGate({
      probe: gpuProbe,
      clock,
      emit,
      endSleepers: () => this.endSleepers(),
      sweepLeftovers: () => killMarked(instanceId, (bootId) => !this.isLive(bootId), clock),
      ...(settleMs === undefined ? {} : { settleMs }),
    });
  }

  /** Ends what an earlier run left behind. */
  async start(): Promise<void> {
    await sweepOrphans({ ...this.options, socketsDir: this.surroundings.socketsDir });
    await this.ahead.start();
    this.launchers.prepare();
  }

  /** Ends all servers, gently until the deadline and then at once. */
  async stop(deadline: AbortSignal): Promise<void> {
    const all = [...this.servers.values()];
    const killAll = () => {
      for (const server of all) server.killNow();
    };
    const closed = Promise.all(all.map((server) => server.close('Roundhouse stops')));
    if (deadline.aborted) killAll();
    deadline.addEventListener('abort', killAll);
    await closed;
    await Promise.all([this.launchers.close(), this.ahead.stop()]);
    deadline.removeEventListener('abort', killAll);
    await Promise.all([...this.logs.values()].map((log) => log.close()));
  }

  /** Every model's server as it is now. */
  states(): ReadonlyMap<ModelId, TurntableView> {
    const ids = new Set([...this.options.models().keys(), ...this.servers.keys()]);
    return new Map([...ids].map((model) => [model, this.view(model)]));
  }

  /**
   * Starts the model's server, or joins a start under way, and resolves when it can really generate.
   * @throws RoundhouseError model_load_failed, with the log tail
   */
  async load(model: ModelId): Promise<void> {
    await this.server(model).load();
  }

  /** TERM, grace, KILL of the whole tree; resolves when the memory is back. Never rejects. */
  async unload(model: ModelId, reason: string): Promise<void> {
    await this.servers.get(model)?.unload(reason);
  }

  /** Makes its GPU memory free: it sleeps, where that is wanted and holds, else it is ended. Never rejects. */
  async evict(model: ModelId, reason: string): Promise<void> {
    await this.servers.get(model)?.evict(reason);
  }

  /** This model comes next: what its load will read is read now. */
  readAhead(model: ModelId): void {
    const { state } = this.view(model);
    const isWanted = this.options.models().get(model)?.readAhead === true;
    if (isWanted && (state === 'stopped' || state === 'failed')) this.ahead.begin(model);
  }

  /** Permission to use a ready server; null when it is not ready. */
  lease(model: ModelId): Lease | null {
    return this.servers.get(model)?.lease() ?? null;
  }

  /** Calls the listener at every change of a server; returns the function that ends it. */
  onChange(listener: ChangeListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** The last lines that the model's servers wrote; null for a model that is not here. */
  async logTail(model: ModelId, lines: number): Promise<readonly string[] | null> {
    const isKnown = this.options.models().has(model) || this.logs.has(model);
    return isKnown ? this.log(model).tail(lines) : null;
  }

  private async endSleepers(): Promise<number> {
    const asleep = [...this.servers.values()].filter(({ status }) => status.state === 'asleep');
    await Promise.all(asleep.map((server) => server.unload('its GPU memory is needed')));
    return asleep.length;
  }

  private isLive(bootId: string): boolean {
    return [...this.servers.values()].some(({ status }) => status.bootId === bootId);
  }

  private view(model: ModelId): TurntableView {
    const server = this.servers.get(model);
    return { model, sleeps: server?.sleeps ?? false, ...(server?.status ?? newServer(this.startedAtMs)) };
  }

  private server(model: ModelId): ModelServer {
    const known = this.servers.get(model);
    if (known) return known;
    const { http, emit, models, sleepPatienceMs, hostFreeMb: freeMb = hostFreeMb } = this.options;
    if (!models().has(model)) throw errors.modelNotFound(model, [...models().keys()]);
    const server = new ModelServer({
      model,
      spec: () => this.options.models().get(model) ?? null,
      surroundings: this.surroundings,
      log: this.log(model),
      gate: this.gate,
      http,
      emit,
      hostFreeMb: freeMb,
      readAhead: this.ahead,
      ...(sleepPatienceMs === undefined ? {} : { sleepPatienceMs }),
      onChange: () => this.tell(model),
    });
    this.servers.set(model, server);
    return server;
  }

  private log(model: ModelId): ServerLog {
    const log = this.logs.get(model) ?? new ServerLog(this.options.logsDir, model);
    this.logs.set(model, log);
    return log;
  }

  private tell(model: ModelId): void {
    for (const listener of this.listeners) listener(model, this.view(model));
  }
}
