import { readFile } from 'node:fs/promises';

export interface MemoryFiles {
  /** `/proc/meminfo`. */
  readonly meminfo: string;
  /** Limit and use of the container, bytes; null where there is none. */
  readonly limit: string | null;
  readonly used: string | null;
  /** `memory.stat` of the container. */
  readonly stat: string | null;
}

const bytesPerMb = 1024 * 1024;

/** Memory that may be taken without pushing anything out, MB: the machine's, or what the container still has. */
export function freeMbOf({ meminfo, limit, used, stat }: MemoryFiles): number | null {
  const availableKb = Number(/^MemAvailable:\s+(\d+) kB/m.exec(meminfo)?.[1] ?? Number.NaN);
  if (Number.isNaN(availableKb)) return null;
  const heldBytes = Number(used ?? Number.NaN) - cacheBytesOf(stat ?? '');
  const ofContainer = (Number(limit ?? Number.NaN) - heldBytes) / bytesPerMb;
  const ofMachine = availableKb / 1024;
  return Math.floor(Number.isNaN(ofContainer) ? ofMachine : Math.min(ofMachine, Math.max(0, ofContainer)));
}

/** Pages of files that nobody has read lately: they count as used, and are given up when memory is needed. */
function cacheBytesOf(stat: string): number {
  const found = /^total_inactive_file (\d+)/m.exec(stat) ?? /^inactive_file (\d+)/m.exec(stat);
  return Number(found?.[1] ?? 0);
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
  const ofGroup = async (v2: string, v1: string) =>
    (await read(`/sys/fs/cgroup/${v2}`)) ?? (await read(`/sys/fs/cgroup/memory/${v1}`));
  const [limit, used, stat] = await Promise.all([
    ofGroup('memory.max', 'memory.limit_in_bytes'),
    ofGroup('memory.current', 'memory.usage_in_bytes'),
    ofGroup('memory.stat', 'memory.stat'),
  ]);
  return freeMbOf({ meminfo, limit, used, stat });
}
