import { readdir, readFile } from 'node:fs/promises';

/** Processes whose environment or command line holds `marker`, this test process excepted. */
export async function processesMarked(marker: string): Promise<readonly number[]> {
  const entries = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    entries.map(async (pid) => ((await carries(pid, marker)) ? Number(pid) : 0)),
  );
  return found.filter((pid) => pid !== 0 && pid !== process.pid);
}

/** Ends them all; the last resort of a test's cleaning, never a step of the test itself. */
export async function killMarked(marker: string): Promise<void> {
  for (const pid of await processesMarked(marker)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it ended by itself
    }
  }
}

async function carries(pid: string, marker: string): Promise<boolean> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const status = await read('stat');
  if (/\) Z /.test(status)) return false;
  return (await read('environ')).includes(marker) || (await read('cmdline')).includes(marker);
}
