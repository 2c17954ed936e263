import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ModelWeights, weightsOf } from '../../../src/config/model-weights.ts';
import { ConfigError } from '../../../src/config/problem.ts';
import { readServiceWeights, type ServiceWeights } from '../../../src/config/service-weights.ts';
import { aModelSpec } from '../../fakes/a-registry.ts';
import { projectDir } from '../../helpers/orchestrator.ts';
import { TempDir } from '../../helpers/temp-dir.ts';

const service: ServiceWeights = {
  repositories: [
    { arg: 'model', default: 'org/usual', revision: 'revision', variant: 'variant' },
    { in: 'loras', arg: 'path', file: 'weight_name' },
  ],
};

const need = (args: Record<string, unknown>, allowWeights: readonly string[] = []): ModelWeights =>
  weightsOf(aModelSpec('m', { args, allowWeights }), service, (path) => path === 'here/model');

test('a hub id is fetched at the revision and in the variant of the entry', () => {
  const { repositories, elsewhere } = need({ model: 'org/other', revision: 'abc', variant: 'fp16' });
  assert.deepEqual(repositories, [
    { repo: 'org/other', revision: 'abc', variant: 'fp16', weights: [], allow: [], models: ['m'] },
  ]);
  assert.equal(elsewhere, null);
});

test('an entry that names no model needs the usual one of its service', () => {
  assert.deepEqual(
    need({}).repositories.map(({ repo, revision }) => [repo, revision]),
    [['org/usual', null]],
  );
});

test('each LoRA is fetched, too, and of it only the file that is named', () => {
  const loras = [{ path: 'org/style', weight_name: 'a.safetensors', scale: 0.5 }, { path: '/mnt/b' }];
  const { repositories, elsewhere } = need({ loras });
  assert.deepEqual(
    repositories.map(({ repo, weights }) => [repo, weights]),
    [
      ['org/usual', []],
      ['org/style', ['a.safetensors']],
    ],
  );
  assert.equal(elsewhere, 'the path /mnt/b');
});

for (const [model, words] of [
  ['/models/flux', 'the path /models/flux'],
  ['./flux', 'the path ./flux'],
  ['~/flux', 'the path ~/flux'],
  ['here/model', 'the path here/model'],
  ['models/tiny.gguf', 'the path models/tiny.gguf'],
  ['some-package', 'the package some-package'],
] as const)
  test(`${model} needs nothing of the hub`, () => {
    assert.deepEqual(need({ model }), { model: 'm', repositories: [], elsewhere: words });
  });

test('what the entry allows is allowed beside what its service reads', () => {
  const ears = { repositories: [{ arg: 'model' }], formats: ['model.bin'] };
  const spec = aModelSpec('m', { args: { model: 'org/ears' }, allowWeights: ['*.pt'] });
  const [first] = weightsOf(spec, ears, () => false).repositories;
  assert.deepEqual(first?.allow, ['model.bin', '*.pt']);
});

test('a service that says nothing about the hub brings its own', () => {
  const { repositories, elsewhere } = weightsOf(
    aModelSpec('m', { args: { model: 'org/x' } }),
    null,
    () => false,
  );
  assert.deepEqual([repositories, elsewhere], [[], 'its service brings them']);
});

for (const name of ['flux', 'musicgen'])
  test(`the weights.json of ${name} can be read and names its usual model`, () => {
    const weights = readServiceWeights(join(projectDir, 'gpu-services', name, 'server.py'));
    assert.match(weights?.repositories[0]?.default ?? '', /^[\w-]+\/[\w.-]+$/);
  });

test('a weights.json with a mistake is told with its path and what to write', async () => {
  await using dir = await TempDir.create();
  const { writeFile } = await import('node:fs/promises');
  await writeFile(dir.path('weights.json'), '{"repositories": [{"args": "model"}]}');
  assert.throws(
    () => readServiceWeights(dir.path('server.py')),
    (error) =>
      error instanceof ConfigError &&
      error.problems[0]?.where === dir.path('weights.json') &&
      /Write for example/.test(error.message),
  );
});
