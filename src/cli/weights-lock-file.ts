import { readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ConfigError } from '../config/problem.ts';
import {
  formatWeightsLock,
  type LockedCommit,
  parseWeightsLock,
  type WeightsLock,
  withCommits,
} from '../config/weights-lock.ts';

/** Empty where there is none yet. @throws ConfigError */
export function readWeightsLock(path: string): WeightsLock {
  try {
    return parseWeightsLock(readFileSync(path, 'utf8'), path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (codeOf(error) === 'ENOENT') return [];
    const fix = 'Make it a file that can be read.';
    throw new ConfigError([{ where: path, line: null, what: `it cannot be read (${codeOf(error)}).`, fix }]);
  }
}

/** Adds to what is in the file by now, for another pull may have written it meanwhile. @returns why it could not */
export function lockCommits(path: string, news: readonly LockedCommit[]): string | null {
  try {
    const before = readWeightsLock(path);
    const text = formatWeightsLock(withCommits(before, news));
    if (text !== formatWeightsLock(before)) writeWhole(realPath(path), text);
    return null;
  } catch (error) {
    return codeOf(error);
  }
}

/** Readers see the old text or the new one. */
function writeWhole(path: string, text: string): void {
  const beside = join(dirname(path), `.${basename(path)}.${process.pid}`);
  try {
    writeFileSync(beside, text, { flush: true });
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

/** A link stays a link. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);
