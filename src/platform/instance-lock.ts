import { readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type KernelLock, kernelLockHolder, takeKernelLock } from './kernel-lock.ts';
import type { Service } from './service.ts';

export type Half = 'api' | 'worker';

export interface InstanceLockOptions {
  readonly dataDir: string;
  /** Where the process id is written, for people. */
  readonly runtimeDir: string;
  /** The two halves of a split house may share a data folder, two of the same half may not. */
  readonly half: Half;
}

/** Another orchestrator works on this data folder. */
export class DataFolderTaken extends Error {
  /** What the program should exit with: "try again later". */
  readonly exitCode = 75;

  constructor(message: string) {
    super(message);
    this.name = 'DataFolderTaken';
  }
}

/** No two API halves, and no two worker halves, on one data folder. The kernel takes the lock back when its holder dies. */
export class InstanceLock implements Service {
  readonly name = 'instance lock';
  private readonly options: InstanceLockOptions;
  private lock: KernelLock | null = null;

  constructor(options: InstanceLockOptions) {
    this.options = options;
  }

  /** @throws DataFolderTaken, in one line that says by whom and what to do */
  async start(): Promise<void> {
    const name = await this.lockName();
    this.lock = await takeKernelLock(name);
    if (this.lock === null) throw new DataFolderTaken(await this.refusal(name));
    await writeFile(this.pidFile, `${process.pid}\n`, { mode: 0o600 });
  }

  async stop(): Promise<void> {
    if (this.lock === null) return;
    await rm(this.pidFile, { force: true });
    await this.lock.release();
    this.lock = null;
  }

  private get pidFile(): string {
    return join(this.options.runtimeDir, `${this.options.half}.pid`);
  }

  private async lockName(): Promise<string> {
    return `data ${this.options.half} ${await realpath(this.options.dataDir)}`;
  }

  private async refusal(name: string): Promise<string> {
    const pid = (await kernelLockHolder(name)) ?? (await this.writtenPid());
    const who = pid === null ? 'Another process' : `Process ${pid}`;
    return (
      `${who} already runs Roundhouse on the data folder ${this.options.dataDir}. ` +
      'Stop it, or set ROUNDHOUSE_DATA and ROUNDHOUSE_PORT for a second one.'
    );
  }

  /** For a holder that is stopped and does not answer. */
  private async writtenPid(): Promise<number | null> {
    const text = await readFile(this.pidFile, 'utf8').catch(() => '');
    return Number.parseInt(text, 10) || null;
  }
}
