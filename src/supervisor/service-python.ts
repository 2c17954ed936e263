import { access, constants } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

export interface ServicePython {
  readonly command: string;
  /** Why its packages are probably missing; null when all is as it should be. */
  readonly note: string | null;
}

/**
 * The interpreter of a service: that of its own environment, `.venvs/<its folder>`, else the machine's, which will do
 * for a service without a requirements.txt.
 */
export async function servicePython(projectDir: string, serviceScript: string): Promise<ServicePython> {
  const folder = basename(dirname(serviceScript));
  const own = join(projectDir, '.venvs', folder, 'bin', 'python');
  if (await exists(own)) return { command: own, note: null };
  const needsOwn = await exists(
    join(dirname(resolve(projectDir, serviceScript)), 'requirements.txt'),
    constants.R_OK,
  );
  const note = `its Python environment .venvs/${folder} is missing: run scripts/install.sh`;
  return { command: 'python3', note: needsOwn ? note : null };
}

/** Libraries that the installation unpacked because the machine lacks them; null: none. */
export async function unpackedLibraries(projectDir: string): Promise<string | null> {
  const folder = join(projectDir, '.runtime', 'lib');
  return (await exists(folder)) ? folder : null;
}

async function exists(path: string, mode = constants.X_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
