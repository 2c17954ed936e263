import type { Clock } from './clock.ts';
import type { Service } from './service.ts';

export interface DiskWatchOptions {
  /** Why no more fits; null: there is room. @throws when that cannot be told, as before the folder is made */
  readonly look: () => Promise<string | null>;
  readonly clock: Pick<Clock, 'after'>;
}

const lookEveryMs = 5000;

/** Knows without asking whether a disk has room: work for a full one is refused before it is done. */
export class DiskWatch implements Service {
  readonly name = 'disk watch';
  private readonly options: DiskWatchOptions;
  private cancelTimer: () => void = () => undefined;
  private isOver = false;
  /** Why no more fits; null: there is room, or nobody can tell. */
  problem: string | null = null;

  constructor(options: DiskWatchOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    await this.look();
    if (!this.isOver) this.cancelTimer = this.options.clock.after(lookEveryMs, () => void this.start());
  }

  async stop(): Promise<void> {
    this.isOver = true;
    this.cancelTimer();
  }

  private async look(): Promise<void> {
    this.problem = await this.options.look().catch(() => null);
  }
}
