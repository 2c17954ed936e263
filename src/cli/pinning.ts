import { isSamePlace, type LockedCommit, lockedCommit, type WeightsLock } from '../config/weights-lock.ts';
import type { DownloadEvent } from './download-events.ts';
import { lockCommits } from './weights-lock-file.ts';

/** A revision that the hub was asked about was pinned to the commit that it answered. */
export interface PinEvent extends LockedCommit {
  readonly event: 'pin';
  /** What it was pinned to before. */
  readonly was: string | null;
  readonly file: string;
  /** Why the file could not be written; null: it was. */
  readonly problem: string | null;
}

/** Writes into the lock file which commits a pull took. */
export class Pinning {
  private readonly path: string;
  private readonly lock: WeightsLock;
  private readonly taken: LockedCommit[] = [];

  constructor(path: string, lock: WeightsLock) {
    this.path = path;
    this.lock = lock;
  }

  /**
   * The pins of a plan, written when all of it is accepted and before the first byte: a pull that is refused changes
   * nothing, and one that is interrupted goes on with the same commits.
   */
  at(event: DownloadEvent): readonly PinEvent[] {
    if (event.event === 'repository' && !event.locked) this.take(event);
    return event.event === 'plan' ? this.write() : [];
  }

  private take({ repo, revision, commit }: LockedCommit): void {
    const pin = { repo, revision, commit };
    if (revision !== commit && !this.taken.some((each) => isSamePlace(each, pin))) this.taken.push(pin);
  }

  private write(): readonly PinEvent[] {
    const problem = lockCommits(this.path, this.taken);
    return this.taken.map((pin) => ({
      event: 'pin',
      ...pin,
      was: lockedCommit(this.lock, pin),
      file: this.path,
      problem,
    }));
  }
}
