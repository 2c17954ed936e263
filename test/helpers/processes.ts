import { readdir, readFile } from 'node:fs/promises';

/** Processes whose environment or command line holds `marker`, this test process excepted. */
export async function processesMarked(marker: string): Promise<readonly number[]> {
  const entries = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    entries.map(async (pid) => ((await carries(pid, marker)) ? Number(pid) : 0)),
  );
  return found.filter((pid) => pid !== 0 && pid !== process.pid);
}

/** The one process that carries `marker` and whose program (first word of its command line) matches. */
export async function processOf(marker: string, program: RegExp): Promise<number> {
  for (const pid of await processesMarked(marker)) {
    const [name = ''] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split(/[\0 ]/);
    if (program.test(name)) return pid;
  }
  throw new Error(`no process of ${marker} runs ${program}`);
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
