import { type Setting, settingsTable } from './settings-table.ts';

const settings: readonly Setting<unknown>[] = Object.values(settingsTable);

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
