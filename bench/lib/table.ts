/** A Markdown table whose columns are aligned for reading as text; names to the left, numbers to the right. */
export function markdownTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  { names = 1 }: { names?: number } = {},
): string {
  const widths = titles.map((title, column) =>
    Math.max(3, title.length, ...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  const pad = (text: string, column: number) =>
    column < names ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0);
  const line = (cells: readonly string[]) => `| ${cells.map(pad).join(' | ')} |\n`;
  const rule = widths.map((width, column) =>
    column < names ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(titles), `| ${rule.join(' | ')} |\n`, ...rows.map(line)].join('');
}
