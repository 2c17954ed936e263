import { readdir, readFile } from 'node:fs/promises';
import { serviceEnv } from '../contracts/service-protocol.ts';
import type { Clock } from '../platform/clock.ts';

export interface MarkedProcess {
  readonly pid: number;
  /** The start it belongs to. */
  readonly bootId: string;
}

const roundMs = 20;
const patienceMs = 5_000;

/**
 * Every process of a model server of ours, whoever started it and wherever it went: all of its tree inherited the
 * marker. Processes of other users cannot be read and are not ours.
 */
export async function markedProcesses(
  instanceId: string,
  procDir = '/proc',
): Promise<readonly MarkedProcess[]> {
  const pids = (await readdir(procDir)).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map((pid) => readMark(`${procDir}/${pid}/environ`, Number(pid), instanceId)),
  );
  return found.filter((each) => each !== null && each.pid !== process.pid) as MarkedProcess[];
}

async function readMark(path: string, pid: number, instanceId: string): Promise<MarkedProcess | null> {
  const variables = (await readFile(path, 'utf8').catch(() => '')).split('\0');
  const bootPrefix = `${serviceEnv.bootId}=`;
  const boot = variables.find((each) => each.startsWith(bootPrefix));
  const isOurs = variables.includes(`${serviceEnv.instance}=${instanceId}`);
  return isOurs && boot !== undefined ? { pid, bootId: boot.slice(bootPrefix.length) } : null;
}

/**
 * SIGKILL to all processes of ours that `isDoomed` names, with their descendants, until none is left. Returns the pids;
 * one that cannot die (stuck in a driver) is given up after 5 s.
 */
export async function killMarked(
  instanceId: string,
  isDoomed: (bootId: string) => boolean,
  clock: Clock,
): Promise<readonly number[]> {
  const killed = new Set<number>();
  const giveUpAtMs = clock.monotonicMs() + patienceMs;
  for (;;) {
    const doomed = (await markedProcesses(instanceId)).filter(({ bootId }) => isDoomed(bootId));
    if (doomed.length === 0) return [...killed];
    const tree = await withDescendants(doomed.map(({ pid }) => pid));
    for (const pid of tree) {
      killed.add(pid);
      killOne(pid);
    }
    if (clock.monotonicMs() >= giveUpAtMs) return [...killed];
    await clock.sleep(roundMs);
  }
}

/** The pids and all that they started, also what has scrubbed its environment. */
async function withDescendants(pids: readonly number[]): Promise<ReadonlySet<number>> {
  const childrenOf = await processTree();
  const found = new Set(pids);
  // A set that grows is walked to its new end.
  for (const pid of found) for (const child of childrenOf.get(pid) ?? []) found.add(child);
  found.delete(process.pid);
  return found;
}

async function processTree(): Promise<ReadonlyMap<number, readonly number[]>> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(pids.map(async (pid) => ({ pid, parent: await parentOf(pid) })));
  const grouped = Map.groupBy(parents, ({ parent }) => parent);
  return new Map([...grouped].map(([parent, all]) => [parent, all.map(({ pid }) => pid)]));
}

async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it ended by itself
  }
}
