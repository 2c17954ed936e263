import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { projectDir } from '../../helpers/orchestrator.ts';

/** Names that readers are to replace, or that come into being elsewhere. */
const examples = /mymodel|NAME|gpu-services\/vllm/;

const documents = globSync(['*.md', 'docs/*.md', 'scripts/*.md', 'gpu-services/*.md'], { cwd: projectDir });

test('there are documents to look at', () => assert.ok(documents.length >= 8, documents.join()));

for (const name of documents) {
  const text = readFileSync(join(projectDir, name), 'utf8');

  test(`every file and folder that ${name} names is there`, () => {
    const paths = [...text.matchAll(/\b(?:src|test|scripts|docs|bench|gpu-services)\/[\w./-]*\w/g)].map(
      String,
    );
    const missing = paths.filter((path) => !examples.test(path) && !existsSync(join(projectDir, path)));
    assert.deepEqual(missing, []);
  });

  test(`every link of ${name} leads somewhere`, () => {
    const targets = [...text.matchAll(/\]\(([^)#\s]+)/g)].map(([, target]) => target ?? '');
    const local = targets.filter((target) => !/^\w+:/.test(target));
    const folder = dirname(join(projectDir, name));
    assert.deepEqual(
      local.filter((target) => !existsSync(join(folder, target))),
      [],
    );
  });
}
