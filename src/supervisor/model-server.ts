import { errors } from '../contracts/error-catalogue.ts';
import type { Emit } from '../contracts/events.ts';
import type { BootId, ModelId } from '../contracts/ids.ts';
import type { ModelSpec } from '../contracts/model.ts';
import type { ServiceEvent } from '../contracts/service-protocol.ts';
import type { ExitStatus } from '../platform/child-process.ts';
import { Mailbox } from '../platform/mailbox.ts';
import { exitReason, withLastWords } from './exit-reason.ts';
import type { ProbeClient } from './health-probe.ts';
import { HeldMemoryMeter, nothingHeld } from './held-memory.ts';
import {
  type LifecycleEffect,
  type LifecycleEvent,
  newServer,
  nextStep,
  type ServerStatus,
} from './model-lifecycle.ts';
import { type ModelProcess, newBootId, type ServerSurroundings } from './model-process.ts';
import type { ReadAhead } from './read-ahead.ts';
import { type Lease, ServerLeases } from './server-leases.ts';
import type { ServerLog } from './server-log.ts';
import { SleepTier } from './sleep-tier.ts';
import { type StartedServer, startServer } from './start-server.ts';
import type { VramGate } from './vram-gate.ts';

const tailLines = 20;
/** What a client is told when nobody knows better: the scheduler's backoff decides. */
const retryLoadAfterS = 30;

export interface ModelServerOptions {
  readonly model: ModelId;
  /** The model as the registry has it now; read at each start. */
  readonly spec: () => ModelSpec | null;
  readonly surroundings: ServerSurroundings;
  readonly log: ServerLog;
  readonly gate: VramGate;
  readonly http: ProbeClient;
  readonly hostFreeMb: () => Promise<number | null>;
  readonly readAhead: Pick<ReadAhead, 'learn' | 'end'>;
  readonly sleepPatienceMs?: number;
  readonly emit: Emit;
  readonly onChange: (status: ServerStatus) => void;
}

interface Load {
  readonly promise: Promise<void>;
  readonly calledOff: AbortController;
}

/** The server of one model over all its starts. Loads and unloads wait in one mailbox; crashes and kills do not. */
export class ModelServer {
  private readonly options: ModelServerOptions;
  private readonly mailbox = new Mailbox();
  private current: ServerStatus;
  private loading: Load | null = null;
  private process: ModelProcess | null = null;
  private leases: ServerLeases | null = null;
  private sleepTier: SleepTier | null = null;
  private readonly held: HeldMemoryMeter;
  private isClosed = false;

  constructor(options: ModelServerOptions) {
    this.options = options;
    this.held = new HeldMemoryMeter(options.gate);
    this.current = newServer(options.surroundings.clock.now());
  }

  get status(): ServerStatus {
    return this.current;
  }

  /** Starts the server, or joins the start that is under way. @throws model_load_failed, shutting_down */
  load(): Promise<void> {
    this.loading ??= this.beginLoad();
    return this.loading.promise;
  }

  /** Ends the server, also one that is still loading. Never rejects. */
  unload(reason: string): Promise<void> {
    this.callOff(reason);
    return this.mailbox.run(() => this.end(reason));
  }

  /** Gives its GPU memory back: asleep, where that is wanted and holds, else ended. Never rejects. */
  evict(reason: string): Promise<void> {
    this.callOff(reason);
    return this.mailbox.run(async () => {
      if (!(await this.fallAsleep(reason))) await this.end(reason);
    });
  }

  /** Whether its next load is a wake, as far as can be told. */
  get sleeps(): boolean {
    if (this.current.state === 'asleep') return true;
    return (
      this.current.state === 'ready' &&
      this.options.spec()?.sleep === true &&
      this.sleepTier?.mayHold === true
    );
  }

  /** Like `unload`, and nothing is loaded any more. */
  close(reason: string): Promise<void> {
    this.isClosed = true;
    return this.unload(reason);
  }

  /** SIGKILL to what still runs, whatever waits for its grace. */
  killNow(): void {
    this.process?.kill();
  }

  lease(): Lease | null {
    return this.current.state === 'ready' ? (this.leases?.grant() ?? null) : null;
  }

  private beginLoad(): Load {
    const calledOff = new AbortController();
    const promise = this.mailbox.run(() => this.start(calledOff.signal));
    const load = { promise, calledOff };
    const forget = () => {
      this.options.readAhead.end(this.options.model);
      if (this.loading === load) this.loading = null;
    };
    promise.then(forget, forget);
    return load;
  }

  private callOff(reason: string): void {
    this.loading?.calledOff.abort();
    this.loading = null;
    if (this.current.state === 'starting' || this.current.state === 'loading')
      this.apply({ type: 'stop', reason });
  }

  private async start(calledOff: AbortSignal): Promise<void> {
    const spec = this.options.spec();
    if (this.isClosed) throw errors.shuttingDown();
    if (spec === null) throw errors.modelRemoved(this.options.model);
    if (calledOff.aborted) throw this.calledOffError();
    if (this.current.state === 'ready') return;
    if (this.current.state === 'asleep') {
      if (await this.wakeUp(spec, calledOff)) return;
      await this.end('it did not wake');
      if (calledOff.aborted) throw this.calledOffError();
    }
    await this.process?.exited;
    const bootId = newBootId();
    this.apply({ type: 'start', bootId });
    try {
      this.adopt(await startServer(this.startOptions(spec, bootId), calledOff));
    } catch (error) {
      throw this.startFailed(error, calledOff);
    }
  }

  private async fallAsleep(reason: string): Promise<boolean> {
    const spec = this.options.spec();
    const tier = this.sleepTier;
    if (!spec?.sleep || tier === null || this.isClosed || this.current.state !== 'ready') return false;
    this.apply({ type: 'drain', reason });
    if (!(await tier.sleep(spec, await this.held.now()))) return false;
    this.apply({ type: 'slept' });
    return this.status.state === 'asleep';
  }

  private async wakeUp(spec: ModelSpec, calledOff: AbortSignal): Promise<boolean> {
    const { gate, model } = this.options;
    this.apply({ type: 'wake' });
    try {
      const neededMb = Math.max(await this.held.mb, 0) || spec.vramMb;
      await gate.waitForRoom(model, neededMb, calledOff);
    } catch {
      return false;
    }
    const freeBeforeMb = await gate.freeMb();
    if (!(await this.sleepTier?.wake(spec))) return false;
    this.held.measure(freeBeforeMb);
    this.apply({ type: 'ready' });
    return this.status.state === 'ready';
  }

  private startOptions(spec: ModelSpec, bootId: BootId) {
    return {
      ...this.options,
      spec,
      bootId,
      onEvent: (event: ServiceEvent) => this.onEvent(event, bootId),
      onLoading: (progress: number | null, phase: string | null) =>
        this.apply({ type: 'loading', progress, phase }),
    };
  }

  private adopt({ process, freeBeforeMb }: StartedServer): void {
    const { bootId, target } = process;
    this.process = process;
    this.leases = new ServerLeases({ bootId, target, kill: (reason) => this.kill(process, reason) });
    const { http, gate, emit, hostFreeMb, sleepPatienceMs } = this.options;
    const { clock } = this.options.surroundings;
    const patience = sleepPatienceMs === undefined ? {} : { patienceMs: sleepPatienceMs };
    this.sleepTier = new SleepTier({ target, bootId, http, gate, clock, emit, hostFreeMb, ...patience });
    this.held.measure(freeBeforeMb);
    this.apply({ type: 'ready' });
    void process.exited.then((exit) => this.afterExit(process, exit));
  }

  private startFailed(error: unknown, calledOff: AbortSignal) {
    if (calledOff.aborted) {
      this.apply({ type: 'gone' });
      return this.calledOffError();
    }
    const reason = error instanceof Error ? error.message : String(error);
    const logTail = this.options.log.recent(tailLines);
    this.apply({ type: 'failed', reason, logTail });
    return errors.modelLoadFailed(this.options.model, reason, logTail, retryLoadAfterS);
  }

  private calledOffError() {
    return errors.modelLoadFailed(this.options.model, 'it was unloaded before it was ready', [], 1);
  }

  private async end(reason: string): Promise<void> {
    const process = this.process;
    // Called off while it woke: its process may have gone meanwhile.
    if (!process) return this.apply({ type: 'gone' });
    // Asleep, or called off before it was ready, it holds next to nothing.
    const isUp = this.current.state === 'ready' || this.current.state === 'draining';
    const gone = process.exited.then(() => nothingHeld);
    const held = isUp ? await Promise.race([this.held.now(), gone]) : nothingHeld;
    this.apply({ type: 'stop', reason });
    await process.exited;
    await this.options.gate.waitUntilBack(this.options.model, held);
    this.apply({ type: 'gone' });
  }

  private defunct(process: ModelProcess, reason: string): void {
    this.sleepTier?.heardDefunct(reason);
    void this.kill(process, reason);
  }

  /** For a server that hangs: no grace. */
  private async kill(process: ModelProcess, reason: string): Promise<void> {
    if (this.process !== process) return;
    const { model, log, emit } = this.options;
    emit({ type: 'server.killed', model, bootId: process.bootId, reason });
    this.apply({ type: 'failed', reason, logTail: log.recent(tailLines) });
    process.kill();
    await process.exited;
  }

  private afterExit(process: ModelProcess, exit: ExitStatus): void {
    if (this.process !== process) return;
    this.process = null;
    this.sleepTier = null;
    this.apply({ type: 'failed', reason: exitReason(exit), logTail: this.options.log.recent(tailLines) });
  }

  private onEvent(event: ServiceEvent, bootId: BootId): void {
    const { model, emit } = this.options;
    if (bootId !== this.current.bootId) return;
    if (event.type === 'started') {
      emit({ type: 'server.started', model, bootId, pid: event.pid });
      this.apply({ type: 'spawned', pid: event.pid });
    }
    if (event.type === 'weights') this.options.readAhead.learn(model, event.paths);
    if (event.type === 'load')
      this.apply({ type: 'loading', progress: event.progress, phase: event.phase ?? null });
    if (event.type === 'state' && event.status === 'STARTING')
      this.apply({ type: 'loading', progress: null, phase: null });
    if (event.type === 'state' && event.status === 'DEFUNCT' && this.process?.bootId === bootId)
      this.defunct(this.process, event.error ?? 'it says DEFUNCT and not why');
    if (event.type === 'job') this.leases?.tellProgress(event.job_id, event.progress, event.phase ?? null);
  }

  private apply(event: LifecycleEvent): void {
    const before = this.current;
    const { status, effects } = nextStep(before, event, this.options.surroundings.clock.now());
    if (status === before) return;
    this.current = status;
    for (const effect of effects) this.carryOut(effect);
    this.options.onChange(status);
  }

  private carryOut(effect: LifecycleEffect): void {
    const { model, emit, log } = this.options;
    switch (effect.kind) {
      case 'announce': {
        const { from, to, reason } = effect;
        emit({ type: 'model.state-changed', model, from, to, reason });
        break;
      }
      case 'terminate':
        this.process?.terminate();
        break;
      case 'kill':
        this.process?.kill();
        break;
      case 'revoke-leases': {
        const reason = withLastWords(effect.reason, log.recent(tailLines));
        this.leases?.revoke(errors.modelCrashed(model, reason));
        break;
      }
      default:
        effect satisfies never;
    }
  }
}
