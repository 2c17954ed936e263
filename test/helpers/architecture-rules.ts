import { dirname, join, normalize } from 'node:path';
import { type ImportFact, type SourceFacts, sourceFacts } from './source-facts.ts';

/** A source tree in memory: path below src/ -> text. */
export type SourceTree = Readonly<Record<string, string>>;

const ground = ['contracts', 'config', 'platform'];
const everyone = [...ground, 'queue', 'supervisor', 'worker', 'api', 'background'];

/** Which folder may import which; docs/ARCHITECTURE.md shows it. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  config: ['contracts'],
  platform: ['contracts'],
  queue: ground,
  supervisor: ground,
  worker: [...ground, 'queue'],
  api: [...ground, 'queue'],
  background: [...ground, 'queue'],
  cli: [...ground, 'main.ts'],
  roof: everyone,
  'main.ts': [...everyone, 'roof'],
};

const anyone = Object.keys(mayImport);
const nobody: readonly string[] = [];

/** Who may import an outside library; not even its types are for others. */
export const packageOwners: Readonly<Record<string, readonly string[]>> = {
  zod: anyone,
  ulid: anyone.filter((folder) => folder !== 'contracts'),
  yaml: ['config'],
  pino: ['platform'],
  'p-retry': ['platform'],
  undici: ['platform'],
  'ipaddr.js': ['platform'],
  bullmq: ['queue'],
  ioredis: ['queue'],
  express: ['api'],
  '@fastify/busboy': ['api'],
  standardwebhooks: ['background'],
  'eventsource-parser': ['worker'],
  commander: ['cli'],
};

/** Parts of Node that are not for everyone; what is not named here is, but for `contracts`. */
const builtinOwners: Readonly<Record<string, readonly string[]>> = {
  child_process: ['platform'],
  cluster: nobody,
  worker_threads: nobody,
  module: nobody,
  process: nobody,
  vm: nobody,
  repl: nobody,
  inspector: nobody,
  sqlite: nobody,
  http2: nobody,
  https: nobody,
  http: ['platform', 'api'],
  net: ['platform'],
  tls: ['platform'],
  dgram: nobody,
  readline: ['platform', 'cli'],
};

const processOwners: Readonly<Record<string, readonly string[]>> = {
  env: ['config'],
  argv: ['cli'],
  argv0: ['cli'],
  execArgv: ['cli'],
  exit: ['cli'],
  exitCode: ['cli'],
  reallyExit: nobody,
  abort: nobody,
  chdir: nobody,
  binding: nobody,
  dlopen: nobody,
  getBuiltinModule: nobody,
  mainModule: nobody,
  stdin: ['cli'],
  stdout: ['cli', 'platform', 'main.ts'],
  stderr: ['cli', 'platform'],
  cwd: ['cli'],
};

const globalOwners: Readonly<Record<string, readonly string[]>> = {
  fetch: nobody,
  WebSocket: nobody,
  EventSource: nobody,
  require: nobody,
  eval: nobody,
  Function: nobody,
};

/** Every breach of the architecture in a tree, as `path:line: what`; empty: all is well. */
export function breaches(tree: SourceTree): readonly string[] {
  const sources = Object.entries(tree).map(([path, text]) => sourceFacts(path, text));
  return [...sources.flatMap(breachesOf), ...importCycles(sources)];
}

function breachesOf(source: SourceFacts): string[] {
  const { path } = source;
  const folder = folderOf(path);
  if (!(folder in mayImport)) return [`${path}: src/ has no place for ${folder}`];
  const at = (line: number, what: string) => `${path}:${line}: ${what}`;
  const owned = (owners: readonly string[] | undefined) => owners === undefined || owners.includes(folder);
  return [
    ...vagueName(path),
    ...source.imports.flatMap((each) => importBreach(each, path, folder).map((what) => at(each.line, what))),
    ...source.process
      .filter(({ member }) => member === null || !owned(processOwners[member]))
      .map(({ line, member }) =>
        at(line, member ? `process.${member} is not ${folder}'s` : 'process is named part by part'),
      ),
    ...source.globals
      .filter(({ name }) => !owned(globalOwners[name]))
      .map(({ line, name }) => at(line, `${name}() is not ${folder}'s`)),
  ];
}

function vagueName(path: string): string[] {
  const vague = /(^|[/.-])(utils?|helpers?|commons?|managers?|misc)([/.-]|$)/.exec(path);
  return vague ? [`${path}: "${vague[2]}" says nothing; name it after what it does`] : [];
}

function importBreach({ specifier, kind }: ImportFact, path: string, folder: string): string[] {
  if (specifier === null) return ['a computed import cannot be checked'];
  if (specifier.startsWith('.')) return relativeBreach(specifier, path, folder);
  if (specifier.startsWith('#') || specifier.startsWith('/') || specifier.includes(':/'))
    return [`"${specifier}" is imported by no relative path and no package name`];
  const builtin = builtinName(specifier);
  if (builtin !== null) {
    const owners = builtinOwners[builtin] ?? anyone.filter((each) => each !== 'contracts');
    const isMereType = kind === 'type' && folder !== 'contracts';
    return isMereType || owners.includes(folder) ? [] : [`${specifier} is not ${folder}'s`];
  }
  const name = packageName(specifier);
  const owners = packageOwners[name];
  if (owners === undefined) return [`the package ${name} has no owner yet`];
  const how = kind === 'type' ? ', not even as a type' : '';
  return owners.includes(folder) ? [] : [`the package ${name} is not ${folder}'s${how}`];
}

function relativeBreach(specifier: string, path: string, folder: string): string[] {
  const target = normalize(join(dirname(path), specifier));
  if (target.startsWith('..')) return [`${specifier} leaves src/`];
  const other = folderOf(target);
  const isAllowed = other === folder || (mayImport[folder] ?? nobody).includes(other);
  return isAllowed ? [] : [`${folder} reaches into ${other}`];
}

const folderOf = (path: string) => path.split('/')[0] ?? '';
const packageName = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

function builtinName(specifier: string): string | null {
  const bare = specifier.replace(/^node:/, '').split('/')[0] ?? '';
  return specifier.startsWith('node:') || bare in builtinOwners ? bare : null;
}

/** Modules that need each other at run time; types do not count, and neither does what is loaded later. */
function importCycles(sources: readonly SourceFacts[]): string[] {
  const edges = new Map(sources.map((source) => [source.path, valueImports(source)]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const follow = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push(`import cycle: ${[...trail.slice(start), path].join(' -> ')}`);
    if (start >= 0 || done.has(path)) return;
    for (const next of edges.get(path) ?? []) follow(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) follow(path, []);
  return cycles;
}

const valueImports = ({ path, imports }: SourceFacts): string[] =>
  imports
    .filter(({ kind, specifier }) => kind === 'value' && specifier?.startsWith('.'))
    .map(({ specifier }) => normalize(join(dirname(path), specifier ?? '')));
