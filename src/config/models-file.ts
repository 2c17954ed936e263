import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Registry } from '../contracts/registry.ts';
import { fileSchema } from './file-fields.ts';
import type { Problem } from './problem.ts';
import { buildRegistry } from './registry-builder.ts';
import { contradictions, oddities } from './registry-checks.ts';
import { checkScripts, type ServiceFiles } from './service-scripts.ts';
import { type PathProblem, shapeProblems } from './shape-problems.ts';
import { soundPart } from './sound-part.ts';
import { type DuplicateKey, parseYaml, type YamlFault, type YamlSource } from './yaml-source.ts';

export type ModelsFile =
  | { readonly registry: Registry; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

export interface ModelsFileOptions {
  /** For a service whose whole folder is missing: `problem` to run the file, `warning` to check it. */
  readonly notShipped?: 'problem' | 'warning';
}

/** Reads and checks a models file; never throws for what is in it, or when it cannot be read. */
export function readModelsFile(
  path: string,
  projectDir: string,
  options: ModelsFileOptions = {},
): ModelsFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return { problems: [unreadable(path, error)], warnings: [] };
  }
  return parseModelsFile(text, path, serviceFiles(projectDir), options);
}

/** All problems of a models file at once, or its registry. Pure: what is on the disk is handed in. */
export function parseModelsFile(
  text: string,
  path: string,
  disk: ServiceFiles,
  { notShipped = 'problem' }: ModelsFileOptions = {},
): ModelsFile {
  const source = parseYaml(text);
  const locate = (each: PathProblem): Problem => located(each, path, source);
  const duplicates = source.duplicates.map((each) => describeDuplicate(each, path));
  if (source.value === undefined) {
    const faults = source.faults.map((each) => describeFault(each, path));
    return { problems: inOrder([...faults, ...duplicates]), warnings: [] };
  }

  const value = source.value ?? {};
  const shape = fileSchema.safeParse(value);
  const sound = soundPart(value);
  const scripts = checkScripts(sound, disk);
  const problems = [
    ...shapeProblems(shape.error?.issues ?? [], value),
    ...contradictions(sound),
    ...scripts.problems,
    ...(notShipped === 'problem' ? scripts.notShipped : []),
  ].map(locate);
  const warned = [...oddities(sound), ...(notShipped === 'warning' ? scripts.notShipped : [])];
  const warnings = inOrder(warned.map(locate));
  if (!shape.success || duplicates.length + problems.length > 0)
    return { problems: inOrder([...duplicates, ...problems]), warnings };
  return { registry: buildRegistry(shape.data, path, disk.projectDir), warnings };
}

const located = ({ path, what, fix }: PathProblem, where: string, source: YamlSource): Problem => ({
  where,
  line: source.lineOf(path),
  what,
  fix,
});

const inOrder = (problems: readonly Problem[]) => problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));

const describeFault = ({ line, message }: YamlFault, where: string): Problem => ({
  where,
  line,
  what: `this is not YAML: ${message}`,
  fix: 'Check indentation (spaces only), colons and quotes.',
});

const describeDuplicate = ({ key, line, firstLine }: DuplicateKey, where: string): Problem => ({
  where,
  line,
  what: `"${key}" stands in line ${firstLine} already, and only one of the two could count.`,
  fix: 'Rename or remove one.',
});

function unreadable(path: string, error: unknown): Problem {
  const code = (error as NodeJS.ErrnoException).code;
  const reasons: Record<string, string> = { ENOENT: 'there is no such file.', EISDIR: 'it is a folder.' };
  return {
    where: path,
    line: null,
    what: reasons[code ?? ''] ?? `it cannot be read (${code ?? String(error)}).`,
    fix: 'Set ROUNDHOUSE_MODELS to a models file, such as models.cpu.yaml.',
  };
}

function kind(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // a folder on the way may not be entered: for us the file is not there
  }
}

/** What the disk says about services. */
function serviceFiles(projectDir: string): ServiceFiles {
  const isFile = (path: string) => kind(path)?.isFile() ?? false;
  const isFolder = (path: string) => kind(path)?.isDirectory() ?? false;
  const folder = join(projectDir, 'gpu-services');
  const scripts = (isFolder(folder) ? readdirSync(folder) : [])
    .map((name) => join(folder, name, 'server.py'))
    .filter(isFile)
    .map((path) => relative(projectDir, path))
    .toSorted();
  return { projectDir, scripts, isFile, isFolder };
}
