import { access, constants } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface ServicePython {
  readonly command: string;
  /** Worth a line in the server's log; null when all is as it should be. */
  readonly note: string | null;
}

/** The interpreter of a service: that of its own environment, `.venvs/<its folder>`, else the machine's. */
export async function servicePython(projectDir: string, serviceScript: string): Promise<ServicePython> {
  const folder = basename(dirname(serviceScript));
  const own = join(projectDir, '.venvs', folder, 'bin', 'python');
  if (await exists(own)) return { command: own, note: null };
  const note = `no environment .venvs/${folder}: started with python3 from PATH; scripts/install.sh makes one`;
  return { command: 'python3', note };
}

/** Libraries that the installation unpacked because the machine lacks them; null: none. */
export async function unpackedLibraries(projectDir: string): Promise<string | null> {
  const folder = join(projectDir, '.runtime', 'lib');
  return (await exists(folder)) ? folder : null;
}

async function exists(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
