import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { docParts, filled, placesIn, stateDiagram } from '../../../scripts/doc-parts.ts';
import { projectDir } from '../../helpers/orchestrator.ts';

for (const [name, parts] of Object.entries(docParts())) {
  const committed = readFileSync(join(projectDir, 'docs', name), 'utf8');

  test(`docs/${name} says what the code does ("npm run docs" writes it anew)`, () => {
    assert.equal(committed, filled(committed, parts));
  });

  test(`each part has its place in docs/${name}`, () => {
    assert.deepEqual(placesIn(committed), Object.keys(parts));
  });
}

test('a diagram has an arrow for each transition, and states without one are ends', () => {
  const drawn = stateDiagram({ on: ['off', 'broken'], off: ['on'], broken: [] }, 'off');
  assert.deepEqual(drawn.split('\n').slice(2, -1), [
    '  [*] --> off',
    '  on --> off',
    '  on --> broken',
    '  off --> on',
    '  broken --> [*]',
  ]);
});
