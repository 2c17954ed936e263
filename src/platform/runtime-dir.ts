import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';

/** The address of a Unix socket ends at 107 bytes; with this, names in the folder may have 35. */
const longestPathBytes = 64;

/**
 * Makes the folder for sockets and locks, or checks the one that is there: a real folder of this user that nobody
 * else can write to or, from then on, read.
 * @throws one sentence that says what is wrong and what to do
 */
export async function openRuntimeDir(path: string): Promise<void> {
  if (Buffer.byteLength(path) > longestPathBytes)
    throw refusal(path, `is longer than ${longestPathBytes} bytes, too long for sockets`);
  await mkdir(path, { recursive: true, mode: 0o700 });
  await using folder = await openFolder(path);
  const { uid, mode } = await folder.stat();
  if (uid !== process.geteuid?.()) throw refusal(path, `belongs to user ${uid}`);
  if ((mode & 0o022) !== 0) throw refusal(path, 'can be written to by other users');
  if ((mode & 0o077) !== 0) await folder.chmod(0o700);
}

async function openFolder(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR' || code === 'ELOOP') throw refusal(path, 'is a link or no folder');
    if (code === 'EACCES') throw refusal(path, 'belongs to another user');
    throw error;
  }
}

const refusal = (path: string, problem: string): Error =>
  new Error(
    `The runtime folder ${path} ${problem}. Remove it, or set ROUNDHOUSE_RUNTIME to another short path.`,
  );
