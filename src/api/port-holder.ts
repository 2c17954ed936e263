import { readdir, readFile, readlink } from 'node:fs/promises';

export interface PortHolder {
  readonly pid: number;
  readonly command: string;
}

const listening = '0A';

/** Inodes of the sockets that listen on a port, from the text of `/proc/net/tcp` or `tcp6`. */
export function listenerInodes(procNetTcp: string, port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  return procNetTcp
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === listening && local?.endsWith(`:${hexPort}`))
    .flatMap((fields) => fields[9] ?? []);
}

/** Who listens on a port of this machine; null when that cannot be seen from here. */
export async function portHolder(port: number, proc = '/proc'): Promise<PortHolder | null> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readText(`${proc}/net/${name}`)));
  const links = new Set(
    tables.flatMap((text) => listenerInodes(text, port)).map((inode) => `socket:[${inode}]`),
  );
  if (links.size === 0) return null;
  const pids = (await readdir(proc)).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (await holdsOneOf(`${proc}/${pid}/fd`, links)) {
      return { pid: Number(pid), command: await commandOf(`${proc}/${pid}/cmdline`) };
    }
  }
  return null;
}

async function holdsOneOf(fdDir: string, links: ReadonlySet<string>): Promise<boolean> {
  const fds = await readdir(fdDir).catch(() => []);
  for (const fd of fds) {
    const link = await readlink(`${fdDir}/${fd}`).catch(() => '');
    if (links.has(link)) return true;
  }
  return false;
}

async function commandOf(cmdlinePath: string): Promise<string> {
  const words = (await readText(cmdlinePath)).split('\0').filter((word) => word !== '');
  return words.slice(0, 3).join(' ').slice(0, 120) || 'a program';
}

const readText = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
