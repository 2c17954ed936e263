import { RoundhouseError } from '../contracts/errors.ts';
import type { Emit } from '../contracts/events.ts';
import type { JobId } from '../contracts/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Service } from '../platform/service.ts';
import { Chore } from './chore.ts';
import type { ArtifactCleaner, DataRemoval, JobKnowledge, RetentionStore, UploadCleaner } from './ports.ts';

export interface JanitorOptions {
  /** null: the queue is cleaned elsewhere, as by the API of a split house. */
  readonly store: RetentionStore | null;
  /** null: no artifacts on this disk. */
  readonly artifacts: ArtifactCleaner | null;
  /** Room for artifacts. */
  readonly artifactsMaxBytes: number;
  readonly dataRemoval: DataRemoval;
  /** null: clients send no files to this process. */
  readonly uploads: UploadCleaner | null;
  /** @throws when that is not known */
  readonly stateOf: (jobId: JobId) => Promise<JobKnowledge>;
  readonly clock: Clock;
  readonly emit: Emit;
}

interface Swept {
  readonly expired?: number;
  readonly records?: number;
  readonly files?: number;
}

const mb = 1024 * 1024;
const expireEveryMs = 5_000;
const pruneEveryMs = 300_000;
const fitEveryMs = 60_000;
/** How long what a client sent outlives its job, at most. */
const sweepUploadsEveryMs = 5_000;

/** Cleans up behind jobs: those that waited too long, those past their retention, and files that are of no more use. */
export class Janitor implements Service {
  readonly name = 'janitor';
  private readonly options: JanitorOptions;
  private readonly chores: readonly Chore[];

  constructor(options: JanitorOptions) {
    this.options = options;
    const chores: readonly (readonly [everyMs: number, work: () => Promise<void>])[] = [
      [expireEveryMs, () => this.expire()],
      [pruneEveryMs, () => this.prune()],
      [fitEveryMs, () => this.fit()],
      [sweepUploadsEveryMs, () => this.sweepUploads()],
    ];
    this.chores = chores.map(
      ([everyMs, work]) =>
        new Chore({ everyMs, work, clock: options.clock, onFault: (error) => this.fault(error) }),
    );
  }

  /** Each chore runs at once and then regularly; this waits for none of them. */
  async start(): Promise<void> {
    for (const chore of this.chores) chore.start();
  }

  async stop(deadline: AbortSignal): Promise<void> {
    await Promise.all(this.chores.map((chore) => chore.stop(deadline)));
  }

  private async expire(): Promise<void> {
    this.tell({ expired: (await this.options.store?.expireQueued(this.options.clock.now())) ?? 0 });
  }

  private async prune(): Promise<void> {
    const { store, artifacts, stateOf, clock } = this.options;
    const isKept = async (id: JobId) => (await stateOf(id)) !== 'unknown';
    const ids = (await store?.pruneEnded(clock.now())) ?? [];
    for (const id of ids) await artifacts?.remove(id).catch((error) => this.fault(error));
    this.tell({ records: ids.length });
    this.tell({ files: (await artifacts?.sweep(isKept)) ?? 0 });
  }

  /** Results go before their time rather than that new ones find no room. */
  private async fit(): Promise<void> {
    const { artifacts, artifactsMaxBytes, dataRemoval, clock, emit } = this.options;
    const mayGo = (id: JobId) => dataRemoval.removeData(id, clock.now());
    const gone = (await artifacts?.fit(artifactsMaxBytes, mayGo)) ?? [];
    if (gone.length === 0) return;
    const freedMb = Math.round(gone.reduce((sum, { bytes }) => sum + bytes, 0) / mb);
    emit({
      type: 'artifacts.fitted',
      jobs: gone.length,
      freedMb,
      limitMb: Math.round(artifactsMaxBytes / mb),
    });
  }

  private async sweepUploads(): Promise<void> {
    const { uploads, stateOf } = this.options;
    this.tell({ files: (await uploads?.sweepUploads(stateOf)) ?? 0 });
  }

  private tell({ expired = 0, records = 0, files = 0 }: Swept): void {
    if (expired + records + files > 0) this.options.emit({ type: 'janitor.swept', expired, records, files });
  }

  /** That Redis is away is told by those who talk to it all the time. */
  private fault(error: unknown): void {
    if (error instanceof RoundhouseError && error.code === 'queue_unavailable') return;
    const message = error instanceof Error ? error.message : String(error);
    this.options.emit({ type: 'system.fault', where: 'janitor', message });
  }
}
