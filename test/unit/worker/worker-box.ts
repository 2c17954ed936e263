import { createHash } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { ControlMessage } from '../../../src/contracts/control.ts';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import type { InboxId, JobId } from '../../../src/contracts/ids.ts';
import type { Artifact, JobMessage, NewJob, Outcome } from '../../../src/contracts/job.ts';
import type { ModelSpec, WorkerView } from '../../../src/contracts/model.ts';
import type { Registry } from '../../../src/contracts/registry.ts';
import { GpuWorker } from '../../../src/worker/gpu-worker.ts';
import { aModelSpec, aRegistry } from '../../fakes/a-registry.ts';
import { FakeLanes } from '../../fakes/fake-lanes.ts';
import { type FakeCall, FakeModelHttp, jsonAnswer, whole } from '../../fakes/fake-model-http.ts';
import { FakeTurntable } from '../../fakes/fake-turntable.ts';
import { EventRecorder } from '../../helpers/event-recorder.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';
import { aJob, model } from '../../helpers/jobs.ts';

export const aSecond = 1000;

/** A worker among fakes, on a clock that a test moves. */
export class WorkerBox {
  readonly clock = new FakeClock();
  readonly events = new EventRecorder();
  readonly lanes: FakeLanes;
  readonly turntable: FakeTurntable;
  readonly http = new FakeModelHttp();
  readonly messages: JobMessage[] = [];
  readonly progress: { jobId: JobId; progress: number | null; phase: string }[] = [];
  readonly deadInboxes = new Set<InboxId>();
  /** The last file of each job. */
  readonly files = new Map<JobId, { artifact: Artifact; bytes: Buffer }>();
  readonly written: { readonly jobId: JobId; readonly artifact: Artifact; readonly bytes: Buffer }[] = [];
  /** Files that came with jobs: `<job id>/<index>` -> bytes. */
  readonly uploads = new Map<string, AsyncIterable<Uint8Array>>();
  /** Writing a file fails after its first piece. */
  isDiskFull = false;
  readonly views: WorkerView[] = [];
  saved: unknown;
  registry: Registry;
  private readonly listeners = new Set<(message: ControlMessage) => void>();
  readonly worker: GpuWorker;

  constructor(specs: readonly ModelSpec[], over: Partial<Registry> = {}, saved: unknown = null) {
    this.registry = { ...aRegistry(...specs), ...over };
    this.saved = saved;
    const models = () => [...this.registry.models.keys()];
    this.lanes = new FakeLanes(models, this.clock, this.events);
    this.turntable = new FakeTurntable(models, this.clock, this.events);
    const { lanes, turntable, http, clock } = this;
    const identity = { name: 'w1', bootId: 'b1', host: 'here', startedAtMs: clock.now(), artifactUrl: null };
    this.worker = new GpuWorker({
      ...{ lanes, turntable, http, clock },
      identity: () => identity,
      registry: () => this.registry,
      emit: (event) => this.events.add(event),
      channel: {
        send: (_inbox, message) => void this.messages.push(message),
        inboxAlive: async (inbox) => !this.deadInboxes.has(inbox),
        progress: ({ id: jobId }, progress, phase) => void this.progress.push({ jobId, progress, phase }),
      },
      desk: {
        onControl: (listener) => {
          this.listeners.add(listener);
          return () => void this.listeners.delete(listener);
        },
        publish: async (view) => void this.views.push(view),
        loadEstimates: async () => this.saved,
        saveEstimates: async (estimates) => {
          this.saved = structuredClone(estimates);
        },
      },
      artifacts: { write: this.write.bind(this) },
      uploads: { open: async (jobId, { index }) => this.uploads.get(`${jobId}/${index}`) ?? null },
    });
  }

  /** From now on jobs are accepted in the worker's own process. */
  acceptHere(): void {
    this.lanes.offerStart = (job) => this.worker.offerStart(job);
    this.lanes.onAccepted = () => this.worker.jobCame();
  }

  control(message: ControlMessage): void {
    for (const listener of this.listeners) listener(message);
  }

  add(name: string, over: Partial<NewJob> = {}): JobId {
    const createdAtMs = this.clock.now();
    return this.lanes.add(aJob({ model: model(name), createdAtMs, ...over }));
  }

  /** The answer of every model takes so long. */
  answersTake(ms: number): void {
    this.http.answer = async ({ signal }: FakeCall) => {
      await this.clock.sleep(ms, signal);
      return jsonAnswer({ ok: true });
    };
  }

  /** Moves time in steps until it is so. @throws Error when it is not after `limitMs` */
  async until(isSo: () => boolean, limitMs = 600_000, stepMs = 50): Promise<void> {
    for (let passedMs = 0; !isSo(); passedMs += stepMs) {
      if (passedMs > limitMs) throw new Error(`not so after ${limitMs} ms: ${isSo}`);
      await this.clock.advance(stepMs);
    }
  }

  outcome(jobId: JobId): Outcome | undefined {
    return this.lanes.outcomes.get(jobId);
  }

  isOver(jobId: JobId): boolean {
    return this.events.of('settled').some((each) => each.jobId === jobId && each.status !== 'queued');
  }

  /** Models in the order in which they were loaded. */
  get loads(): readonly unknown[] {
    return this.events.of('load').map((event) => event.model);
  }

  async stop(): Promise<void> {
    let isStopped = false;
    const stopping = this.worker.stop(AbortSignal.abort()).finally(() => {
      isStopped = true;
    });
    await this.until(() => isStopped);
    await stopping;
  }

  private async write(
    jobId: JobId,
    index: number,
    contentType: string,
    pieces: AsyncIterable<Uint8Array>,
  ): Promise<Artifact> {
    if (this.isDiskFull) for await (const _ of pieces) throw errors.storageFull('the artifacts folder');
    const all = await whole(pieces);
    const sha256 = createHash('sha256').update(all).digest('hex');
    const artifact = { index, contentType, bytes: all.length, sha256 };
    this.files.set(jobId, { artifact, bytes: all });
    this.written.push({ jobId, artifact, bytes: all });
    return artifact;
  }
}

/** A started worker; stopped after the test. Preloading is off: a test about it switches it on. */
export async function aWorker(
  t: TestContext,
  specs: readonly (string | ModelSpec)[],
  over: Partial<Registry> = {},
  saved: unknown = null,
): Promise<WorkerBox> {
  const all = specs.map((each) => (typeof each === 'string' ? aModelSpec(each) : each));
  const box = new WorkerBox(all, over, saved);
  if (over.scheduler === undefined) {
    box.registry = { ...box.registry, scheduler: { ...box.registry.scheduler, spec: false } };
  }
  await box.worker.start();
  t.after(() => box.stop());
  return box;
}

/** A worker that runs one job to its end, whatever that is. */
export async function runJob(t: TestContext, answer: FakeModelHttp['answer'], over: Partial<NewJob> = {}) {
  const box = await aWorker(t, ['chat']);
  box.http.answer = answer;
  const job = box.add('chat', { inboxId: 'inbox-1' as InboxId, ...over });
  await box.until(() => box.isOver(job));
  return { box, job, outcome: box.outcome(job) };
}

export function errorOf(box: WorkerBox, job: JobId) {
  const outcome = box.outcome(job);
  if (outcome?.kind === 'failed' || outcome?.kind === 'retry') return outcome.error;
  throw new Error(`the job has no error: it is ${outcome?.kind}`);
}
