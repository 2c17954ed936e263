/** Writes anew what docs/ says out of the code: tables and diagrams. Usage: npm run docs */
import { readFileSync, writeFileSync } from 'node:fs';
import { docParts, filled } from './doc-parts.ts';

for (const [name, parts] of Object.entries(docParts())) {
  const path = `${import.meta.dirname}/../docs/${name}`;
  const committed = readFileSync(path, 'utf8');
  const current = filled(committed, parts);
  if (current === committed) continue;
  writeFileSync(path, current);
  console.log(`docs/${name} was written anew`);
}
