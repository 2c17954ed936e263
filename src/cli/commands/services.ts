import { existsSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { readModelsFile } from '../../config/models-file.ts';
import { ConfigError } from '../../config/problem.ts';
import { exitCodes } from '../cli-error.ts';
import { type CliContext, registryPath } from '../context.ts';
import { renderProblem } from '../views/problem-view.ts';

/** Prints the folders of the services that the models file uses, one per line; those not there yet are warned of. */
export async function services(context: CliContext, file: string | undefined): Promise<number> {
  const { projectDir, workingDir, terminal } = context;
  const path = file === undefined ? await registryPath(context) : resolve(workingDir, file);
  const result = readModelsFile(path, projectDir, { notShipped: 'warning' });
  if ('problems' in result) throw new ConfigError(result.problems);
  for (const warning of result.warnings) terminal.err(renderProblem(warning, 'warning', terminal.paint));
  const scripts = [...result.registry.models.values()].map(({ serviceScript }) => serviceScript);
  const folders = new Set(scripts.filter((script) => existsSync(script)).map((script) => dirname(script)));
  for (const folder of folders) terminal.out(`${relative(projectDir, folder)}\n`);
  return exitCodes.ok;
}

/** Prints the models file that a server would use. */
export async function modelsPath(context: CliContext): Promise<number> {
  context.terminal.out(`${await registryPath(context)}\n`);
  return exitCodes.ok;
}
