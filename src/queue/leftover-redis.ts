import { readdir, readFile } from 'node:fs/promises';

/** Servers on this data folder that a predecessor left behind: two on one folder would destroy each other's data. */
export async function leftoverServers(redisDir: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found: number[] = [];
  for (const pid of pids) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    const isServer = /(redis|valkey)-server$/.test(words[0] ?? '');
    if (isServer && words[words.indexOf('--dir') + 1] === redisDir) found.push(Number(pid));
  }
  return found;
}

/** For a server that does not end by itself. */
const patienceMs = 5000;
const lookEveryMs = 50;

/** They write out what they hold first. Resolves when they are gone. */
export async function endLeftoverServers(
  redisDir: string,
  sleep: (ms: number) => Promise<void>,
): Promise<number> {
  const pids = await leftoverServers(redisDir);
  for (const pid of pids) signal(pid, 'SIGTERM');
  for (let waitedMs = 0; ; waitedMs += lookEveryMs) {
    const left = await leftoverServers(redisDir);
    if (left.length === 0) break;
    if (waitedMs >= patienceMs) for (const pid of left) signal(pid, 'SIGKILL');
    await sleep(lookEveryMs);
  }
  return pids.length;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // it ended by itself
  }
}
