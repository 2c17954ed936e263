import { readdir, readFile, readlink } from 'node:fs/promises';

export interface DeviceHolder {
  readonly pid: number;
  /** The beginning of its command line. */
  readonly name: string;
}

const gpuDevice = /^\/dev\/nvidia\d+$/;
const nameLength = 80;

/** Processes that have a GPU open, as far as this user may look: /proc tells true pids also inside a container. */
export async function deviceHolders(procDir = '/proc'): Promise<readonly DeviceHolder[]> {
  const pids = (await readdir(procDir)).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => ((await holdsGpu(`${procDir}/${pid}/fd`)) ? pid : null)),
  );
  const holders = found.filter((pid) => pid !== null);
  return Promise.all(
    holders.map(async (pid) => ({ pid: Number(pid), name: await commandOf(`${procDir}/${pid}/cmdline`) })),
  );
}

async function holdsGpu(fdDir: string): Promise<boolean> {
  const fds = await readdir(fdDir).catch(() => []);
  const targets = await Promise.all(fds.map((fd) => readlink(`${fdDir}/${fd}`).catch(() => '')));
  return targets.some((target) => gpuDevice.test(target));
}

async function commandOf(path: string): Promise<string> {
  const text = (await readFile(path, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim();
  return text.slice(0, nameLength) || 'a process';
}
