import { basename, dirname, relative, resolve } from 'node:path';
import { nearestName } from './nearest-name.ts';
import type { PathProblem } from './shape-problems.ts';
import type { SoundFile } from './sound-part.ts';

/** What is on the disk, as far as a models file speaks of it. */
export interface ServiceFiles {
  readonly projectDir: string;
  /** Scripts that are there, relative to the project folder. */
  readonly scripts: readonly string[];
  isFile(path: string): boolean;
  isFolder(path: string): boolean;
}

export interface ScriptFindings {
  readonly problems: readonly PathProblem[];
  /** Services whose whole folder is not there: they may come later, and then the file is right. */
  readonly notShipped: readonly PathProblem[];
}

/** Checks that each model's server exists. */
export function checkScripts({ models }: SoundFile, disk: ServiceFiles): ScriptFindings {
  const missing = (models ?? [])
    .flatMap(([id, { service_script: script }]) => (script === undefined ? [] : [{ id, script }]))
    .map(({ id, script }) => ({ id, script, full: resolve(disk.projectDir, script) }))
    .filter(({ full }) => !disk.isFile(full));
  const found = missing.map((each) => ({
    isTypo: disk.isFolder(dirname(each.full)) || nearestScript(each.script, disk.scripts) !== null,
    problem: describe(each.id, relative(disk.projectDir, each.full) || each.script, disk),
  }));
  return {
    problems: found.filter(({ isTypo }) => isTypo).map(({ problem }) => problem),
    notShipped: found.filter(({ isTypo }) => !isTypo).map(({ problem }) => problem),
  };
}

function describe(id: string, script: string, { scripts }: ServiceFiles): PathProblem {
  const meant = nearestScript(script, scripts);
  const known = scripts.length > 0 ? `Services here: ${scripts.join(', ')}.` : 'No service is there at all.';
  return {
    path: ['models', id, 'service_script'],
    what: `model "${id}": there is no file ${script}.`,
    fix: meant ? `Did you mean ${meant}?` : `${known} ${wayRound}`,
  };
}

const wayRound =
  'Add it as docs/ADDING_MODELS.md tells, or set ROUNDHOUSE_MODELS=models.cpu.yaml for models that run without it.';

/** Compares the folders, whose names tell the services apart. */
function nearestScript(script: string, scripts: readonly string[]): string | null {
  const folderOf = (path: string) => basename(dirname(path));
  const meant = nearestName(folderOf(script), scripts.map(folderOf));
  return scripts.find((path) => folderOf(path) === meant) ?? null;
}
