import type { Role } from '../../config/settings.ts';
import type { CliContext } from '../context.ts';

/** Runs the server until it is told to stop; resolves with its exit code. Loaded only when asked for. */
export async function serve({ env, projectDir }: CliContext, role: Role | undefined): Promise<number> {
  const main = await import('../../main.ts');
  return main.serve({ env, projectDir, ...(role === undefined ? {} : { role }) });
}
