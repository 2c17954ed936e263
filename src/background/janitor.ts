import { RoundhouseError } from '../contracts/errors.ts';
import type { Emit } from '../contracts/events.ts';
import type { JobId } from '../contracts/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Service } from '../platform/service.ts';
import { Chore } from './chore.ts';
import type { ArtifactCleaner, RetentionStore } from './ports.ts';

export interface JanitorOptions {
  /** null: the queue is cleaned elsewhere, as by the API of a split house. */
  readonly store: RetentionStore | null;
  /** null: no artifacts on this disk. */
  readonly artifacts: ArtifactCleaner | null;
  /** Whether a job's record still stands. @throws when that is not known */
  readonly isKept: (jobId: JobId) => Promise<boolean>;
  readonly clock: Clock;
  readonly emit: Emit;
}

interface Swept {
  readonly expired?: number;
  readonly records?: number;
  readonly files?: number;
}

const expireEveryMs = 5_000;
const pruneEveryMs = 300_000;

/** Cleans up behind jobs: those that waited too long, and those that are past their retention. */
export class Janitor implements Service {
  readonly name = 'janitor';
  private readonly options: JanitorOptions;
  private readonly chores: readonly Chore[];

  constructor(options: JanitorOptions) {
    this.options = options;
    const chores: readonly (readonly [everyMs: number, work: () => Promise<void>])[] = [
      [expireEveryMs, () => this.expire()],
      [pruneEveryMs, () => this.prune()],
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
    const { store, artifacts, isKept, clock } = this.options;
    const ids = (await store?.pruneEnded(clock.now())) ?? [];
    for (const id of ids) await artifacts?.remove(id).catch((error) => this.fault(error));
    this.tell({ records: ids.length });
    this.tell({ files: (await artifacts?.sweep(isKept)) ?? 0 });
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
