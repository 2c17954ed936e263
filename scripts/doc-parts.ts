import { jobTransitions } from '../src/contracts/job.ts';
import { modelTransitions } from '../src/contracts/model.ts';
import { mayImport, packageOwners } from '../test/helpers/architecture-rules.ts';
import { configTables } from './config-tables.ts';
import { errorTable } from './error-table.ts';
import { markdownTable } from './markdown-table.ts';

/** What the documents say out of the code: file in docs/ -> name of the part -> its text. */
export const docParts = (): Readonly<Record<string, Readonly<Record<string, string>>>> => ({
  'ARCHITECTURE.md': {
    imports: importTable(),
    job: stateDiagram(jobTransitions, 'queued'),
    model: stateDiagram(modelTransitions, 'stopped'),
  },
  'API.md': { errors: errorTable() },
  'CONFIGURATION.md': configTables(),
});

const place = /(<!-- part:(\w+) -->\n)[\s\S]*?(<!-- \/part -->)/g;

/** Names of the places in a document, in their order. */
export const placesIn = (text: string): readonly string[] =>
  [...text.matchAll(place)].map(([, , name]) => name ?? '');

/** The document with each place filled anew; what has no part stays as it is. */
export const filled = (text: string, parts: Readonly<Record<string, string>>): string =>
  text.replace(place, (all, begin, name, end) => (parts[name] ? `${begin}${parts[name]}\n${end}` : all));

function importTable(): string {
  const rows = Object.entries(mayImport).map(([folder, imports]) => [
    `\`${folder}\``,
    imports.map((each) => `\`${each}\``).join(', ') || '–',
    packagesOf(folder) || '–',
  ]);
  return markdownTable(['in `src/`', 'may import', 'owns'], rows);
}

const packagesOf = (folder: string): string =>
  Object.entries(packageOwners)
    .filter(([, owners]) => owners.length === 1 && owners[0] === folder)
    .map(([name]) => `\`${name}\``)
    .join(', ');

/** A transition table as Mermaid draws it. */
export function stateDiagram(
  transitions: Readonly<Record<string, readonly string[]>>,
  first: string,
): string {
  const arrows = Object.entries(transitions).flatMap(([from, targets]) =>
    (targets.length > 0 ? targets : ['[*]']).map((to) => `  ${from} --> ${to}`),
  );
  return ['```mermaid', 'stateDiagram-v2', `  [*] --> ${first}`, ...arrows, '```'].join('\n');
}
