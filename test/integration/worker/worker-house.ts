import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { JobId } from '../../../src/contracts/ids.ts';
import type { JobRecord, NewJob } from '../../../src/contracts/job.ts';
import type { ModelSpec } from '../../../src/contracts/model.ts';
import type { Registry } from '../../../src/contracts/registry.ts';
import { ArtifactStore } from '../../../src/platform/artifact-store.ts';
import { type Clock, systemClock } from '../../../src/platform/clock.ts';
import type { RedisJobStore } from '../../../src/queue/job-store.ts';
import { RedisWorkerBoard } from '../../../src/queue/worker-board.ts';
import { GpuWorker } from '../../../src/worker/gpu-worker.ts';
import type { UploadSource } from '../../../src/worker/ports.ts';
import { aRegistry } from '../../fakes/a-registry.ts';
import type { EventRecorder } from '../../helpers/event-recorder.ts';
import { aJob, model } from '../../helpers/jobs.ts';
import { Journal } from '../../helpers/journal.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';
import { type StandIn, specOf, type TurntableBox, turntableBox } from '../supervisor/turntable-box.ts';

export interface HouseModel extends StandIn {
  readonly spec?: Partial<ModelSpec>;
}

type Running = { readonly worker: GpuWorker; readonly stop: (graceMs: number) => Promise<void> };

/** The worker as it is in production: real Redis, real processes; the model servers are stand-ins. */
export class WorkerHouse {
  readonly queue: QueueHouse;
  readonly box: TurntableBox;
  readonly journal: Journal;
  readonly store: RedisJobStore;
  readonly artifacts: ArtifactStore;
  readonly uploads: ArtifactStore;
  readonly board: RedisWorkerBoard;
  private readonly registry: Registry;
  private current: Running | null = null;

  private constructor(
    parts: Pick<WorkerHouse, 'queue' | 'box' | 'journal' | 'store' | 'board'>,
    registry: Registry,
  ) {
    this.queue = parts.queue;
    this.box = parts.box;
    this.journal = parts.journal;
    this.store = parts.store;
    this.board = parts.board;
    this.registry = registry;
    this.artifacts = new ArtifactStore({ root: join(this.box.dir, 'artifacts') });
    this.uploads = new ArtifactStore({ root: join(this.box.dir, 'uploads') });
  }

  static async open(
    t: TestContext,
    models: Readonly<Record<string, HouseModel>>,
    clock: Clock = systemClock,
  ) {
    const queue = await QueueHouse.open();
    const journal = await Journal.create(join(queue.redis.dir, 'journal'));
    const standIns = Object.fromEntries(
      Object.entries(models).map(([id, { args = {}, ...more }]) => [
        id,
        { ...more, args: { journal: journal.path, ...args } },
      ]),
    );
    const box = await turntableBox(t, standIns);
    const specs = Object.entries(models).map(([id, each]) => ({
      ...specOf(id, each, box.ledger),
      concurrency: 1,
      ...each.spec,
    }));
    const registry = aRegistry(...specs);
    const scheduler = { ...registry.scheduler, spec: false };
    const store = await queue.store();
    const board = new RedisWorkerBoard({ redis: await queue.connected('command'), clock: queue.clock });
    const house = new WorkerHouse({ queue, box, journal, store, board }, { ...registry, scheduler });
    await house.startWorker(clock);
    return house;
  }

  /** What the worker and the queue tell. */
  get events(): EventRecorder {
    return this.queue.events;
  }

  async startWorker(clock: Clock = systemClock): Promise<void> {
    const { queue, box, registry, artifacts } = this;
    const uploads: UploadSource = { open: (jobId, { index }) => this.uploads.open(jobId, index) };
    const { lanes, channel, desk } = await queue.worker({ models: [...registry.models.keys()] });
    const identity = { name: 'w1', bootId: 'b', host: 'here', startedAtMs: clock.now(), artifactUrl: null };
    const worker = new GpuWorker({
      ...{ lanes, channel, desk, artifacts, uploads, clock, turntable: box.turntable, http: box.http },
      identity: () => identity,
      registry: () => registry,
      emit: queue.emit,
    });
    await worker.start();
    this.current = {
      worker,
      stop: async (graceMs) => {
        await worker.stop(AbortSignal.timeout(graceMs));
        await lanes.stop(AbortSignal.timeout(1000));
        await desk.stop();
      },
    };
  }

  /** As it is stopped in production: worker first, then its lanes. */
  async stopWorker(graceMs: number): Promise<void> {
    await this.current?.stop(graceMs);
    this.current = null;
  }

  async submit(name: string, text: string, over: Partial<NewJob> = {}): Promise<JobId> {
    const messages = [{ role: 'user', content: text }];
    const body = JSON.stringify({ model: name, messages, ...(over.stream ? { stream: true } : {}) });
    const job = aJob({ model: model(name), body, ...over });
    await this.store.submit(job, { queueCap: 1000, retryAfterS: 5 });
    return job.id;
  }

  async record(id: JobId): Promise<JobRecord> {
    const record = await this.store.find(id);
    if (record === null || record === 'expired') throw new Error(`no record of ${id}`);
    return record;
  }

  /** The record of a job when it has ended. */
  async ended(id: JobId): Promise<JobRecord> {
    await this.events.next('job.settled', { jobId: id });
    return this.record(id);
  }

  /** Processes that the model's generations ran in, in order. */
  async pidsOf(id: string): Promise<readonly number[]> {
    const starts = (await this.journal.entries()).filter(
      ({ event, model: of }) => event === 'gen_start' && of === id,
    );
    return starts.map(({ pid }) => pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopWorker(0);
    await this.queue[Symbol.asyncDispose]();
  }
}
