import { readFile } from 'node:fs/promises';

export interface MemoryFiles {
  /** `/proc/meminfo`. */
  readonly meminfo: string;
  /** Limit and use of the container, bytes; null where there is none. */
  readonly limit: string | null;
  readonly used: string | null;
}

const bytesPerMb = 1024 * 1024;

/** Memory that may be taken without pushing anything out, MB: the machine's, or what the container still has. */
export function freeMbOf({ meminfo, limit, used }: MemoryFiles): number | null {
  const availableKb = Number(/^MemAvailable:\s+(\d+) kB/m.exec(meminfo)?.[1] ?? Number.NaN);
  if (Number.isNaN(availableKb)) return null;
  const ofContainer = (Number(limit ?? Number.NaN) - Number(used ?? Number.NaN)) / bytesPerMb;
  const ofMachine = availableKb / 1024;
  return Math.floor(Number.isNaN(ofContainer) ? ofMachine : Math.min(ofMachine, Math.max(0, ofContainer)));
}

/** null where the system does not say. */
export async function hostFreeMb(): Promise<number | null> {
  const read = (path: string) =>
    readFile(path, 'utf8').then(
      (text) => text.trim(),
      () => null,
    );
  const meminfo = await read('/proc/meminfo');
  if (meminfo === null) return null;
  const [limit, used] = await Promise.all([
    read('/sys/fs/cgroup/memory.max').then(
      (text) => text ?? read('/sys/fs/cgroup/memory/memory.limit_in_bytes'),
    ),
    read('/sys/fs/cgroup/memory.current').then(
      (text) => text ?? read('/sys/fs/cgroup/memory/memory.usage_in_bytes'),
    ),
  ]);
  return freeMbOf({ meminfo, limit, used });
}
