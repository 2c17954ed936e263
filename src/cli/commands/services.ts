import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { readModelsFile } from '../../config/models-file.ts';
import { ConfigError } from '../../config/problem.ts';
import type { ModelSpec } from '../../contracts/model.ts';
import { exitCodes } from '../cli-error.ts';
import { type CliContext, registryPath } from '../context.ts';
import { modelWeights } from '../model-weights.ts';
import { renderProblem } from '../views/problem-view.ts';

/** Prints the folders of gpu-services that the models file uses, one per line; services not there yet are warned of. */
export async function services(context: CliContext, file: string | undefined): Promise<number> {
  const { projectDir, workingDir, terminal } = context;
  const path = file === undefined ? await registryPath(context) : resolve(workingDir, file);
  const result = readModelsFile(path, projectDir, { notShipped: 'warning' });
  if ('problems' in result) throw new ConfigError(result.problems);
  for (const warning of result.warnings) terminal.err(renderProblem(warning, 'warning', terminal.paint));
  const models = [...result.registry.models.values()];
  const scripts = models.map(({ serviceScript }) => serviceScript).filter((script) => existsSync(script));
  const folders = new Set(scripts.map((script) => dirname(script)));
  if (needsHub(context, models)) folders.add(join(projectDir, 'gpu-services/downloads'));
  for (const folder of folders) terminal.out(`${relative(projectDir, folder)}\n`);
  return exitCodes.ok;
}

/** Whether a model's weights come from the hub, so that the program that fetches them is wanted, too. */
const needsHub = (context: CliContext, models: readonly ModelSpec[]): boolean =>
  models.some((spec) => modelWeights(context, spec).repositories.length > 0);

/** Prints the models file that a server would use. */
export async function modelsPath(context: CliContext): Promise<number> {
  context.terminal.out(`${await registryPath(context)}\n`);
  return exitCodes.ok;
}
