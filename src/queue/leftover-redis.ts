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

/** SIGKILL loses nothing: what was acknowledged is in the kernel's hands. Resolves when they are gone. */
export async function endLeftoverServers(
  redisDir: string,
  sleep: (ms: number) => Promise<void>,
): Promise<number> {
  const pids = await leftoverServers(redisDir);
  for (const pid of pids) kill(pid);
  while ((await leftoverServers(redisDir)).length > 0) await sleep(10);
  return pids.length;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it ended by itself
  }
}
