import { statfs } from 'node:fs/promises';
import { errors } from '../contracts/error-catalogue.ts';

/** What is looked at of `statfs`. */
export interface DiskFacts {
  readonly bsize: number;
  readonly blocks: number;
  readonly bavail: number;
}

export interface DiskRoomOptions {
  /** Room that must stay free; the default is 2 GiB. */
  readonly minFreeBytes?: number;
  /** The same as a share of the disk, 0.05 by default; never more than 20 GiB, as a network volume may be huge. */
  readonly minFreeShare?: number;
  /** For tests. */
  readonly statfs?: (path: string) => Promise<DiskFacts>;
}

const gib = 1_073_741_824;
const highestShareBytes = 20 * gib;

/** Whether a disk has room for more. */
export class DiskRoom {
  private readonly minFreeBytes: number;
  private readonly minFreeShare: number;
  private readonly statfs: (path: string) => Promise<DiskFacts>;

  constructor(options: DiskRoomOptions) {
    this.minFreeBytes = options.minFreeBytes ?? 2 * gib;
    this.minFreeShare = options.minFreeShare ?? 0.05;
    this.statfs = options.statfs ?? ((path) => statfs(path));
  }

  /** @throws storage_full */
  async check(path: string): Promise<void> {
    const problem = await this.problem(path);
    if (problem !== null) throw errors.storageFull(problem);
  }

  /** Why no more fits; null: there is room. */
  async problem(path: string): Promise<string | null> {
    const { bsize, blocks, bavail } = await this.statfs(path);
    const freeBytes = bavail * bsize;
    const shareBytes = Math.min(this.minFreeShare * blocks * bsize, highestShareBytes);
    const neededBytes = Math.max(this.minFreeBytes, shareBytes);
    return freeBytes >= neededBytes
      ? null
      : `${path} has ${inMb(freeBytes)} MB free, ${inMb(neededBytes)} MB must stay free`;
  }
}

/** Rethrows; a full disk or quota as storage_full. */
export function asStorageFull(error: unknown): never {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') throw errors.storageFull(message);
  throw error;
}

const inMb = (bytes: number): number => Math.floor(bytes / 1_000_000);
