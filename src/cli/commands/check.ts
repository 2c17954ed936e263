import { relative, resolve } from 'node:path';
import { readModelsFile } from '../../config/models-file.ts';
import type { Problem } from '../../config/problem.ts';
import { exitCodes } from '../cli-error.ts';
import { type CliContext, clientSettings, registryPath } from '../context.ts';
import { renderProblem } from '../views/problem-view.ts';

/**
 * Prints every problem and warning of the models files; without a name, of the settings and of the file a server would
 * use.
 */
export async function check(context: CliContext, files: readonly string[]): Promise<number> {
  const { terminal, projectDir, workingDir } = context;
  const paths = files.map((file) => resolve(workingDir, file));
  if (paths.length === 0) {
    for (const warning of clientSettings(context).warnings)
      terminal.out(renderProblem(warning, 'warning', terminal.paint));
    paths.push(await registryPath(context));
  }
  const results = paths.map((path) => checkFile(context, path, projectDir));
  return results.every((isGood) => isGood) ? exitCodes.ok : exitCodes.failed;
}

function checkFile({ terminal, workingDir }: CliContext, path: string, projectDir: string): boolean {
  const { paint } = terminal;
  const name = shorter(relative(workingDir, path), path);
  const named = (problem: Problem): Problem => ({ ...problem, where: name });
  const result = readModelsFile(path, projectDir, { notShipped: 'warning' });
  const problems = 'problems' in result ? result.problems : [];
  for (const problem of problems) terminal.out(renderProblem(named(problem), 'error', paint));
  for (const warning of result.warnings) terminal.out(renderProblem(named(warning), 'warning', paint));
  const verdict =
    'registry' in result ? good(result.registry.models.size) : count(problems.length, 'problem');
  const also = result.warnings.length > 0 ? `, ${count(result.warnings.length, 'warning')}` : '';
  terminal.out(`${name}: ${paint(problems.length > 0 ? 'bad' : 'good', `${verdict}${also}`)}\n`);
  return problems.length === 0;
}

const shorter = (a: string, b: string) => (a !== '' && a.length < b.length ? a : b);
const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;
const good = (models: number) => `${count(models, 'model')}, no problems`;
