import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { breaches, type SourceTree } from './helpers/architecture-rules.ts';
import { projectDir } from './helpers/orchestrator.ts';

const src = join(projectDir, 'src');

test('the house keeps its own rules', () => {
  const files = readdirSync(src, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name));
  assert.ok(files.length > 50, `only ${files.length} files found in ${src}`);
  const tree = Object.fromEntries(files.map((path) => [relative(src, path), readFileSync(path, 'utf8')]));
  assert.deepEqual(breaches(tree), []);
});

/** Each tree is right but for one thing. */
const broken: readonly (readonly [rule: string, tree: SourceTree, expected: RegExp])[] = [
  [
    'a tower imports another',
    { 'api/a.ts': `import { b } from '../worker/b.ts';` },
    /api reaches into worker/,
  ],
  [
    'a tower imports a mere type of another',
    { 'worker/a.ts': `import type { B } from '../supervisor/b.ts';` },
    /worker reaches into supervisor/,
  ],
  [
    'a tower names a type of another in place',
    { 'background/a.ts': `export type A = import('../api/b.ts').B;` },
    /background reaches into api/,
  ],
  [
    'a tower loads another later',
    { 'supervisor/a.ts': `export const a = () => import('../worker/b.ts');` },
    /supervisor reaches into worker/,
  ],
  [
    'an export passes another tower on',
    { 'api/a.ts': `export * from '../background/b.ts';` },
    /api reaches into/,
  ],
  [
    'a named export passes a type of another tower on',
    { 'api/a.ts': `export type { B } from '../background/b.ts';` },
    /api reaches into background/,
  ],
  ['the ground looks up', { 'platform/a.ts': `import '../queue/b.ts';` }, /platform reaches into queue/],
  [
    'the supervisor knows the queue',
    { 'supervisor/a.ts': `import '../queue/b.ts';` },
    /supervisor reaches into/,
  ],
  [
    'contracts import a folder',
    { 'contracts/a.ts': `import '../config/b.ts';` },
    /contracts reaches into config/,
  ],
  ['contracts use Node', { 'contracts/a.ts': `import 'node:path';` }, /node:path is not contracts's/],
  [
    'config and platform meet',
    { 'config/a.ts': `import '../platform/b.ts';` },
    /config reaches into platform/,
  ],
  ['a tower calls the root', { 'worker/a.ts': `import '../main.ts';` }, /worker reaches into main\.ts/],
  ['the root calls the command line', { 'main.ts': `import './cli/b.ts';` }, /main\.ts reaches into cli/],
  ['the command line goes past the API', { 'cli/a.ts': `import '../queue/b.ts';` }, /cli reaches into queue/],
  ['a file leaves src', { 'api/a.ts': `import '../../test/b.ts';` }, /leaves src/],
  ['a folder is not in the plan', { 'extra/a.ts': '' }, /no place for extra/],
  ['a second file lies beside main.ts', { 'other.ts': '' }, /no place for other\.ts/],
  ...Object.entries({
    yaml: 'platform',
    pino: 'api',
    'p-retry': 'worker',
    undici: 'queue',
    bullmq: 'worker',
    ioredis: 'api',
    express: 'queue',
    commander: 'main.ts',
  }).map(
    ([name, folder]) =>
      [
        `${name} is imported by ${folder}`,
        { [folder.endsWith('.ts') ? folder : `${folder}/a.ts`]: `import x from '${name}';\nexport { x };` },
        new RegExp(`the package ${name} is not ${folder}'s`),
      ] as const,
  ),
  [
    'a package comes as a type only',
    { 'api/a.ts': `import type { Job } from 'bullmq';` },
    /not even as a type/,
  ],
  ['a part of a package is imported', { 'api/a.ts': `import 'bullmq/lib/x.js';` }, /bullmq is not api's/],
  ['a package is loaded later', { 'api/a.ts': `await import('ioredis');` }, /ioredis is not api's/],
  ['a package is new', { 'api/a.ts': `import '@scope/new/part';` }, /the package @scope\/new has no owner/],
  ['a URL is imported', { 'api/a.ts': `import 'https://example.org/x.js';` }, /no relative path/],
  ['an import is computed', { 'api/a.ts': `await import(String(Date.now()));` }, /computed import/],
  ['a process is started', { 'supervisor/a.ts': `import 'node:child_process';` }, /child_process is not/],
  [
    'a process is started without node:',
    { 'worker/a.ts': `import 'child_process';` },
    /child_process is not/,
  ],
  ['the program is multiplied', { 'main.ts': `import 'node:cluster';` }, /node:cluster is not main\.ts's/],
  ['a thread is started', { 'worker/a.ts': `import 'node:worker_threads';` }, /worker_threads is not/],
  [
    'require is made',
    { 'api/a.ts': `import { createRequire } from 'node:module';` },
    /node:module is not api's/,
  ],
  ['require is called', { 'api/a.ts': `require('./b.ts');` }, /require\(\) is not api's/],
  ['a socket is opened', { 'worker/a.ts': `import 'node:net';` }, /node:net is not worker's/],
  ['fetch is called', { 'worker/a.ts': `await fetch('http://x');` }, /fetch\(\) is not worker's/],
  ['fetch is called by its full name', { 'api/a.ts': `globalThis.fetch('x');` }, /fetch\(\) is not api's/],
  ['the environment is read', { 'platform/a.ts': `export const a = process.env.A;` }, /process\.env is not/],
  [
    'it is read in brackets',
    { 'api/a.ts': `export const a = process['env'].A;` },
    /process\.env is not api's/,
  ],
  ['it is taken apart', { 'api/a.ts': `const { env } = process;` }, /process\.env is not api's/],
  ['it is read the long way', { 'api/a.ts': `globalThis.process.env;` }, /process\.env is not api's/],
  ['it is imported', { 'api/a.ts': `import { env } from 'node:process';` }, /node:process is not api's/],
  ['process is handed on', { 'api/a.ts': `export const p = process;` }, /process is named part by part/],
  ['a part is computed', { 'api/a.ts': `process[String('env')];` }, /process is named part by part/],
  ['the rest of it is taken', { 'api/a.ts': `const { ...all } = process;` }, /process is named part by part/],
  [
    'a shadow ends with its function',
    { 'api/a.ts': `export const f = (process: number) => process;\nexport const e = process.env;` },
    /a\.ts:2: process\.env is not api's/,
  ],
  [
    'a shadow does not hide the global one',
    { 'api/a.ts': `export const f = (process: number) => [process, globalThis.process.env];` },
    /process\.env is not api's/,
  ],
  ['arguments are read', { 'main.ts': `process.argv;` }, /process\.argv is not main\.ts's/],
  ['the process is ended', { 'queue/a.ts': `process.exit(1);` }, /process\.exit is not queue's/],
  ['its exit code is set', { 'main.ts': `process.exitCode = 1;` }, /process\.exitCode is not main\.ts's/],
  ['a name says nothing', { 'api/json-utils.ts': '' }, /"utils" says nothing/],
  ['a folder says nothing', { 'api/helpers/a.ts': '' }, /"helpers" says nothing/],
  ['something manages', { 'queue/job-manager.ts': '' }, /"manager" says nothing/],
  [
    'two modules need each other',
    { 'api/a.ts': `import './b.ts';`, 'api/b.ts': `import './c.ts';`, 'api/c.ts': `export * from './a.ts';` },
    /import cycle: api\/a\.ts -> api\/b\.ts -> api\/c\.ts -> api\/a\.ts/,
  ],
  [
    'an inline type import still loads its module',
    { 'api/a.ts': `import { type B } from './b.ts';`, 'api/b.ts': `import './a.ts';` },
    /import cycle/,
  ],
];

for (const [rule, tree, expected] of broken)
  test(`it is noticed when ${rule}`, () => {
    const found = breaches(tree);
    assert.equal(found.length, 1, `found: ${found.join('; ') || 'nothing'}`);
    assert.match(found[0] ?? '', expected);
  });

test('what is allowed is not noticed', () => {
  const tree: SourceTree = {
    'contracts/a.ts': `import { z } from 'zod';\nexport const a = z.string();`,
    'config/a.ts': `import 'yaml';\nimport { a } from '../contracts/a.ts';\nexport const env = process.env;\nexport { a };`,
    'platform/a.ts': `import 'node:child_process';\nimport 'undici';\nprocess.kill(1, 0);\nprocess.on('x', () => {});`,
    'queue/a.ts': `import 'bullmq';\nimport '../config/a.ts';\nexport const o = { process: 1, env: { exit: 2 } };\no.process;`,
    'worker/a.ts': `import type { B } from './b.ts';\nimport '../queue/a.ts';`,
    'worker/b.ts': `import './a.ts';\nexport class Runner { process(): void {} fetch(): void { this.fetch(); } }`,
    'cli/a.ts': `const { stdout } = process;\nprocess.exit(0);\nexport const m = () => import('../main.ts');`,
    'main.ts': `import './worker/a.ts';\nimport './api/a.ts';\nimport './supervisor/a.ts';`,
    'api/a.ts': `import 'express';\nimport 'node:crypto';`,
    'supervisor/a.ts': `import type { AddressInfo } from 'node:net';\nexport const f = (process: { env: AddressInfo }) => process.env;`,
    'supervisor/b.ts': `export function g({ process }: { process: number }): number { return process; }\nexport const h = () => { const process = g({ process: 1 }); return process; };`,
  };
  assert.deepEqual(breaches(tree), []);
});
