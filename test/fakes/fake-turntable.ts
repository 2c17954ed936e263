import { errors } from '../../src/contracts/error-catalogue.ts';
import type { BootId, JobId, ModelId } from '../../src/contracts/ids.ts';
import type { ModelState } from '../../src/contracts/model.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { ServerLease, ServerView, Turntable } from '../../src/worker/ports.ts';
import type { EventRecorder } from '../helpers/event-recorder.ts';

type ProgressListener = Parameters<ServerLease['onProgress']>[1];

interface FakeServer {
  readonly bootId: BootId;
  readonly gone: AbortController;
  readonly listeners: Map<JobId, Set<ProgressListener>>;
}

/**
 * A turntable without processes: loads and unloads take the time that a test sets. Tells `load`, `loaded`, `unload`,
 * `unloaded` and `killed`, and remembers how many servers there ever were at once.
 */
export class FakeTurntable implements Turntable {
  loadMs = 1000;
  unloadMs = 100;
  sleepMs = 50;
  wakeMs = 200;
  /** Models that sleep when they are evicted. */
  readonly sleepers = new Set<ModelId>();
  /** Models whose loads fail for as long as they are in here. */
  readonly broken = new Set<ModelId>();
  /** Models whose servers die while they are being reported ready. */
  readonly shortLived = new Set<ModelId>();
  mostAtOnce = 0;
  private readonly servers = new Map<ModelId, FakeServer>();
  private readonly views = new Map<ModelId, ModelState>();
  private readonly changeListeners = new Set<(model: ModelId, view: ServerView) => void>();
  private readonly models: () => readonly ModelId[];
  private readonly clock: Clock;
  private readonly events: EventRecorder;
  private boots = 0;

  constructor(models: () => readonly ModelId[], clock: Clock, events: EventRecorder) {
    this.models = models;
    this.clock = clock;
    this.events = events;
  }

  states(): ReadonlyMap<ModelId, ServerView> {
    const ids = new Set([...this.models(), ...this.views.keys()]);
    return new Map([...ids].map((model) => [model, this.view(model)]));
  }

  async load(model: ModelId): Promise<void> {
    if (this.views.get(model) === 'asleep') return this.wake(model);
    this.events.add({ type: 'load', model });
    const server = {
      bootId: `boot-${++this.boots}` as BootId,
      gone: new AbortController(),
      listeners: new Map(),
    };
    this.servers.set(model, server);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.servers.size);
    this.become(model, 'loading');
    await this.clock.sleep(this.loadMs, server.gone.signal);
    if (this.servers.get(model) !== server) throw errors.modelLoadFailed(model, 'it was unloaded', [], 1);
    if (this.broken.has(model)) {
      this.drop(model, 'failed');
      throw errors.modelLoadFailed(model, 'exit code 1', ['CUDA out of memory'], 30);
    }
    this.become(model, 'ready');
    this.events.add({ type: 'loaded', model });
    if (this.shortLived.has(model)) this.drop(model, 'failed');
  }

  async unload(model: ModelId, reason: string): Promise<void> {
    if (!this.servers.has(model)) return;
    this.events.add({ type: 'unload', model, reason });
    this.become(model, 'stopping');
    await this.clock.sleep(this.unloadMs);
    this.drop(model, 'stopped');
    this.events.add({ type: 'unloaded', model });
  }

  async evict(model: ModelId, reason: string): Promise<void> {
    if (!this.sleepers.has(model) || this.views.get(model) !== 'ready') return this.unload(model, reason);
    this.events.add({ type: 'sleep', model, reason });
    this.become(model, 'draining');
    await this.clock.sleep(this.sleepMs);
    this.become(model, 'asleep');
  }

  readAhead(model: ModelId): void {
    this.events.add({ type: 'read-ahead', model });
  }

  lease(model: ModelId): ServerLease | null {
    const server = this.servers.get(model);
    if (server === undefined || this.views.get(model) !== 'ready') return null;
    return {
      bootId: server.bootId,
      target: { socketPath: model },
      gone: server.gone.signal,
      onProgress: (jobId, listener) => this.listen(server, jobId, listener),
      kill: async (reason) => {
        if (this.servers.get(model) !== server) return;
        this.events.add({ type: 'killed', model, reason });
        this.drop(model, 'failed');
      },
      release: () => {},
    };
  }

  onChange(listener: (model: ModelId, view: ServerView) => void): () => void {
    this.changeListeners.add(listener);
    return () => void this.changeListeners.delete(listener);
  }

  /** The server's process dies by itself. */
  crash(model: ModelId): void {
    this.drop(model, 'failed');
  }

  crashIfReady(model: ModelId): void {
    if (this.views.get(model) === 'ready') this.crash(model);
  }

  progress(model: ModelId, jobId: JobId, progress: number | null): void {
    for (const listener of this.servers.get(model)?.listeners.get(jobId) ?? []) listener(progress, null);
  }

  private async wake(model: ModelId): Promise<void> {
    this.events.add({ type: 'wake', model });
    this.become(model, 'loading');
    await this.clock.sleep(this.wakeMs);
    this.become(model, 'ready');
  }

  private listen(server: FakeServer, jobId: JobId, listener: ProgressListener): () => void {
    const listeners = server.listeners.get(jobId) ?? new Set();
    server.listeners.set(jobId, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  private drop(model: ModelId, state: ModelState): void {
    const server = this.servers.get(model);
    this.servers.delete(model);
    server?.gone.abort(errors.modelCrashed(model, 'it is gone'));
    this.become(model, state);
  }

  private become(model: ModelId, state: ModelState): void {
    this.views.set(model, state);
    for (const listener of this.changeListeners) listener(model, this.view(model));
  }

  private view(model: ModelId): ServerView {
    return {
      model,
      state: this.views.get(model) ?? 'stopped',
      sleeps: this.sleepers.has(model) && this.servers.has(model),
      sinceMs: this.clock.now(),
      loadProgress: null,
      loadPhase: null,
      bootId: this.servers.get(model)?.bootId ?? null,
      pid: null,
      failure: null,
    };
  }
}
