import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { ByteRange } from './byte-range.ts';

/** A file that is open: later changes of its name do not matter. Read it once, or close it. */
export interface ArtifactFile {
  readonly bytes: number;
  read(range?: ByteRange): Readable;
  close(): Promise<void>;
}

/** null: there is none, or it is a link or no plain file. */
export async function openArtifact(path: string): Promise<ArtifactFile | null> {
  const handle = await openPlain(path);
  if (handle === null) return null;
  const stats = await handle.stat();
  if (stats.isFile()) {
    return {
      bytes: stats.size,
      read: (range = { start: 0, end: Number.POSITIVE_INFINITY }) => handle.createReadStream({ ...range }),
      close: () => handle.close(),
    };
  }
  await handle.close();
  return null;
}

async function openPlain(path: string): Promise<FileHandle | null> {
  try {
    // Without O_NONBLOCK a named pipe would wait for a writer.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENXIO') return null;
    throw error;
  }
}
