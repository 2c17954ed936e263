import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface SecretFile {
  readonly secret: string;
  /** Whether this call made it. */
  readonly isNew: boolean;
}

/**
 * Reads a secret that is kept in a file for its owner's eyes only, or makes it. Of several processes that start at
 * once, one makes it and all read the same.
 */
export async function readOrMakeSecret(path: string, make: () => string): Promise<SecretFile> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const known = await read(path);
  if (known !== '') return { secret: known, isNew: false };
  const secret = make();
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(`${secret}\n`);
    await file.sync();
    await file.close();
    return { secret, isNew: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const other = await read(path);
  if (other === '') throw new Error(`${path} is empty. Remove it; a new one is made at the next start.`);
  return { secret: other, isNew: false };
}

export const makeApiKey = (): string => `rh_${randomBytes(24).toString('base64url')}`;
export const makeWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;
export const makeToken = (): string => randomBytes(32).toString('base64url');

async function read(path: string): Promise<string> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    await chmod(path, 0o600);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
