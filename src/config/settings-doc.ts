import type { Fields } from './field.ts';
import { fileFields, webhookFields } from './file-fields.ts';
import { deadlineFields, modelFields } from './model-fields.ts';
import { schedulerFields } from './scheduler-fields.ts';
import { type Setting, settingsTable } from './settings-table.ts';

const settings: readonly Setting<unknown>[] = Object.values(settingsTable);

/** The tables of docs/CONFIGURATION.md by the name of their place there. */
export function documentedTables(): Readonly<Record<string, string>> {
  return {
    settings: markdownTable(
      ['variable', 'default', 'what it does'],
      settings.map(({ name, shown, what }) => [`\`${name}\``, shown, what]),
    ),
    file: fieldTable(fileFields),
    model: fieldTable(modelFields),
    deadlines: fieldTable(deadlineFields),
    scheduler: fieldTable(schedulerFields),
    webhooks: fieldTable(webhookFields),
  };
}

const fieldTable = (fields: Fields) =>
  markdownTable(
    ['key', 'must be', 'default', 'what it does'],
    Object.entries(fields).map(([key, { expected, shown, what }]) => [
      `\`${key}\``,
      expected,
      shown ?? '**required**',
      what,
    ]),
  );

const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');

/** The list at the end of `roundhouse help`, wrapped to the given width. */
export function settingsAsHelp(columns: number): string {
  const indent = '      ';
  return settings
    .map(({ name, shown, what }) => {
      const text = `${what} Default: ${shown}.`.replaceAll('`', '');
      return `  ${name}\n${wrap(text, Math.max(30, columns) - indent.length, indent)}`;
    })
    .join('\n');
}

function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, line].map((each) => indent + each).join('\n');
}
