import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const pieceBytes = 4 * 1024 * 1024;
/** Of the four threads that all file work of this process shares. */
const readers = 2;

/** Smaller ones are not worth it. */
const leastBytes = 1024 * 1024;
const deepest = 4;

/** The large files among these paths and in these folders, with their sizes; links are followed. */
export async function largeFiles(
  paths: readonly string[],
  depth = 0,
): Promise<readonly (readonly [path: string, bytes: number])[]> {
  const found: (readonly [string, number])[] = [];
  for (const path of paths) {
    const facts = await stat(path).catch(() => null);
    if (facts?.isFile() && facts.size >= leastBytes) found.push([path, facts.size]);
    if (!facts?.isDirectory() || depth === deepest) continue;
    const names = await readdir(path).catch(() => []);
    found.push(
      ...(await largeFiles(
        names.sort().map((name) => join(path, name)),
        depth + 1,
      )),
    );
  }
  return found;
}

/**
 * Reads files so that the page cache has them, in order, until all are read or `signal` aborts. Returns how many bytes
 * that were. What cannot be read is left out: a load will say why.
 */
export async function readIntoCache(paths: readonly string[], signal: AbortSignal): Promise<number> {
  const waiting = [...paths];
  let bytes = 0;
  const readNext = async (): Promise<void> => {
    const buffer = Buffer.allocUnsafe(pieceBytes);
    for (let path = waiting.shift(); path !== undefined && !signal.aborted; path = waiting.shift()) {
      const read = await readWhole(path, buffer, signal).catch(() => 0);
      bytes += read;
    }
  };
  await Promise.all(Array.from({ length: readers }, readNext));
  return bytes;
}

async function readWhole(path: string, buffer: Buffer, signal: AbortSignal): Promise<number> {
  await using file = await open(path);
  let bytes = 0;
  while (!signal.aborted) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, bytes);
    if (bytesRead === 0) break;
    bytes += bytesRead;
  }
  return bytes;
}
