import { modelDefaults } from '../config/defaults.ts';
import type { ControlMessage } from '../contracts/control.ts';
import type { Emit } from '../contracts/events.ts';
import type { ModelId } from '../contracts/ids.ts';
import type { NewJob } from '../contracts/job.ts';
import type { WorkerView } from '../contracts/model.ts';
import type { Registry } from '../contracts/registry.ts';
import type { Clock } from '../platform/clock.ts';
import type { HttpClient } from '../platform/http-client.ts';
import type { StartOffer } from '../queue/start-offer.ts';
import { ClientWatch } from './client-watch.ts';
import { Dispatcher } from './dispatcher.ts';
import { GpuLoop } from './gpu-loop.ts';
import { LoadFailures } from './load-failures.ts';
import type {
  ArtifactSink,
  JobChannel,
  Lanes,
  ServerView,
  Turntable,
  UploadSource,
  WorkerDesk,
} from './ports.ts';
import { Refusals } from './refusals.ts';
import { Residents } from './residents.ts';
import { Estimates } from './scheduler/estimates.ts';
import { parseSaved } from './scheduler/saved-estimates.ts';
import { Swapper } from './swapper.ts';
import { viewWorker, type WorkerIdentity } from './worker-view.ts';

export interface GpuWorkerOptions {
  /** Asked at each publication: the artifact server's address is known only once it listens. */
  readonly identity: () => WorkerIdentity;
  readonly lanes: Lanes;
  readonly channel: JobChannel;
  readonly desk: WorkerDesk;
  readonly turntable: Turntable;
  readonly artifacts: ArtifactSink;
  readonly uploads: UploadSource;
  readonly http: Pick<HttpClient, 'request'>;
  readonly registry: () => Registry;
  readonly clock: Clock;
  readonly emit: Emit;
}

const publishEveryMs = 2000;
const saveEveryMs = 10_000;

/** The tower that decides what runs next, and runs it. */
export class GpuWorker {
  readonly name = 'worker';
  private readonly options: GpuWorkerOptions;
  private readonly residents = new Residents();
  private readonly failures = new LoadFailures();
  private parts: Parts | null = null;
  private readonly unlisten: (() => void)[] = [];
  private isPublishing = false;
  private hasNews = false;

  constructor(options: GpuWorkerOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    const { desk, registry, turntable } = this.options;
    const saved = await desk.loadEstimates();
    // Asked anew each time: the registry may be replaced, and a model that left it is still on its way out.
    const estimates = Estimates.parse(saved, {
      get: (model) => registry().models.get(model) ?? modelDefaults,
      has: (model) => registry().models.has(model),
    });
    const parts = this.build(estimates, new Set(parseSaved(saved).keys()));
    this.parts = parts;
    this.unlisten.push(
      turntable.onChange((model, view) => this.onServerChange(model, view)),
      desk.onControl((message) => this.onControl(message, parts.loop)),
    );
    this.every(publishEveryMs, () => this.publish());
    this.every(saveEveryMs, () => desk.saveEstimates(estimates.toJSON()));
    parts.clients.start();
    parts.loop.start();
    await this.publish();
  }

  /** Takes nothing new, lets what runs come to its end until the deadline, and puts the rest back. */
  async stop(deadline: AbortSignal): Promise<void> {
    if (this.parts === null) return;
    const { loop, dispatcher, clients, estimates } = this.parts;
    clients.stop();
    const looping = loop.stop();
    await dispatcher.stop(deadline);
    for (const stop of this.unlisten.splice(0)) stop();
    await Promise.all([this.unloadAll(), looping]);
    await this.options.desk.saveEstimates(estimates.toJSON()).catch(() => {});
  }

  /** A slot for a job on its way into the queue; null: it has to wait. */
  offerStart(job: NewJob): StartOffer | null {
    return this.parts?.loop.offerStart(job) ?? null;
  }

  /** A job of this process waits in its lane. */
  jobCame(): void {
    this.parts?.loop.lookAgain();
  }

  private build(estimates: Estimates, known: ReadonlySet<ModelId>): Parts {
    const { residents, failures } = this;
    const { emit, channel, clock } = this.options;
    const books = { ...this.options, residents, estimates, failures };
    let onFree = () => this.options.lanes.wake();
    const dispatcher = new Dispatcher({ ...books, onFree: () => onFree() });
    const swapper = new Swapper({ ...books, onFailedLoad: () => void this.publish() });
    const refusals = new Refusals(books, known);
    const onFault = (error: unknown) =>
      emit({ type: 'system.fault', where: 'gpu loop', message: String(error) });
    const loop = new GpuLoop({ ...books, dispatcher, swapper, refusals, onFault });
    onFree = () => loop.slotFreed();
    const clients = new ClientWatch({
      clock,
      channel,
      claims: () => dispatcher.claims,
      onOrphaned: (claim) => {
        emit({ type: 'job.client-left', jobId: claim.record.id });
        claim.abandon();
      },
    });
    return { estimates, dispatcher, loop, clients };
  }

  /** A server that is gone is no resident, whoever ended it. */
  private onServerChange(model: ModelId, { state }: ServerView): void {
    const { lanes } = this.options;
    const isGone = state === 'failed' || state === 'stopped';
    if (isGone && (this.residents.isReady(model) || this.residents.isDraining(model))) {
      this.residents.leave(model);
      lanes.wake();
    }
    void this.publish();
  }

  private onControl(message: ControlMessage, loop: GpuLoop): void {
    if (message.type === 'load' || message.type === 'unload') loop.wish(message);
    else loop.lookAgain();
  }

  private async unloadAll(): Promise<void> {
    const { turntable } = this.options;
    await Promise.all(
      [...turntable.states().keys()].map((model) => turntable.unload(model, 'the worker stops')),
    );
  }

  /** One at a time; a change during it is told right after it. */
  private async publish(): Promise<void> {
    this.hasNews = true;
    if (this.isPublishing || this.parts === null) return;
    this.isPublishing = true;
    while (this.hasNews) {
      this.hasNews = false;
      await this.options.desk.publish(this.view(this.parts.estimates)).catch(() => {});
    }
    this.isPublishing = false;
  }

  private view(estimates: Estimates): WorkerView {
    const { turntable, identity, clock } = this.options;
    const { residents, failures } = this;
    return viewWorker(
      identity(),
      { servers: turntable.states(), residents, failures, estimates },
      clock.now(),
    );
  }

  /** Repeats with a pause of `ms`; a failure is tried again at the next turn. */
  private every(ms: number, run: () => Promise<void>): void {
    let cancel = () => {};
    let isOver = false;
    const arm = () => {
      cancel = this.options.clock.after(ms, () => {
        const next = () => (isOver ? undefined : arm());
        void run().then(next, next);
      });
    };
    arm();
    this.unlisten.push(() => {
      isOver = true;
      cancel();
    });
  }
}

interface Parts {
  readonly estimates: Estimates;
  readonly dispatcher: Dispatcher;
  readonly loop: GpuLoop;
  readonly clients: ClientWatch;
}
