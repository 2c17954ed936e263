import type { Role } from '../../config/settings.ts';
import { type CliContext, clientSettings } from '../context.ts';
import { renderProblem } from '../views/problem-view.ts';

/** Runs the server until it is told to stop; resolves with its exit code. Loaded only when asked for. */
export async function serve(context: CliContext, role: Role | undefined): Promise<number> {
  const { env, projectDir, terminal } = context;
  for (const warning of clientSettings(context).warnings)
    terminal.err(renderProblem(warning, 'warning', terminal.paint));
  const main = await import('../../main.ts');
  return main.serve({ env, projectDir, ...(role === undefined ? {} : { role }) });
}
