import { runProgram } from '../platform/run-program.ts';
import { deviceHolders } from './device-holders.ts';

export interface GpuMemory {
  readonly freeMb: number;
  readonly usedMb: number;
  readonly totalMb: number;
}

/** What can be seen of the GPU. */
export interface GpuProbe {
  /** Summed over all GPUs; null: there is none, or it cannot be read now. */
  memory(): Promise<GpuMemory | null>;
  /** Who holds it, as names for a person; as far as can be told. */
  holders(): Promise<readonly string[]>;
}

const timeoutMs = 10_000;
const csv = '--format=csv,noheader,nounits';

/**
 * Asks nvidia-smi. Figures are those of the device: inside a container the process list is empty or has the host's
 * pids, so it only helps to name holders.
 */
export class NvidiaSmi implements GpuProbe {
  private isMissing = false;
  private readonly searchPath: string;

  /** `searchPath`: where nvidia-smi is looked for, as in PATH. */
  constructor({ searchPath }: { readonly searchPath: string }) {
    this.searchPath = searchPath;
  }

  async memory(): Promise<GpuMemory | null> {
    const rows = await this.query('--query-gpu=memory.free,memory.used,memory.total');
    const figures = rows
      .map((row) => row.map(Number))
      .filter((row) => row.length === 3 && row.every(Number.isFinite));
    if (figures.length === 0) return null;
    const sum = (column: number) => figures.reduce((total, row) => total + (row[column] ?? 0), 0);
    return { freeMb: sum(0), usedMb: sum(1), totalMb: sum(2) };
  }

  async holders(): Promise<readonly string[]> {
    const apps = await this.query('--query-compute-apps=pid,process_name,used_memory');
    const named = apps.map(([pid, name, mb]) => ({ pid, text: `${name} (pid ${pid}, ${mb} MB)` }));
    const seen = new Set(named.map(({ pid }) => pid));
    const others = (await deviceHolders()).filter(({ pid }) => !seen.has(String(pid)));
    return [...named.map(({ text }) => text), ...others.map(({ pid, name }) => `${name} (pid ${pid})`)];
  }

  private async query(question: string): Promise<string[][]> {
    if (this.isMissing) return [];
    const { code, stdout, isMissing } = await runProgram('nvidia-smi', [question, csv], {
      timeoutMs,
      searchPath: this.searchPath,
    });
    this.isMissing = isMissing;
    if (code !== 0) return [];
    const lines = stdout.split('\n').filter((line) => line.trim() !== '');
    return lines.map((line) => line.split(',').map((field) => field.trim()));
  }
}

/** For tests and for machines that are known to have none. */
export const noGpu: GpuProbe = {
  memory: () => Promise.resolve(null),
  holders: () => Promise.resolve([]),
};
