import type { Meaning, Paint } from './terminal.ts';

/** A piece of text of one meaning; widths are counted before it is painted. */
export interface Span {
  readonly text: string;
  readonly meaning?: Meaning;
}

export type Line = readonly Span[];

export interface Column {
  readonly title: string;
  readonly align?: 'right';
  /** Columns with the highest number are left out first where there is no room; 0 stays always. */
  readonly dispensable: number;
}

export const span = (text: string, meaning?: Meaning): Span =>
  meaning === undefined ? { text } : { text, meaning };

export const widthOf = (line: Line): number => line.reduce((sum, { text }) => sum + [...text].length, 0);

/** Cuts a line at a width and says so with an ellipsis. */
export function fit(line: Line, width: number): Line {
  if (widthOf(line) <= width) return line;
  const kept: Span[] = [];
  let room = Math.max(0, width - 1);
  for (const each of line) {
    const text = [...each.text].slice(0, room).join('');
    room -= [...text].length;
    if (text) kept.push({ ...each, text });
  }
  return [...kept, span('…', 'dim')];
}

export const paintLine = (line: Line, paint: Paint): string =>
  line.map(({ text, meaning }) => (meaning ? paint(meaning, text) : text)).join('');

/** Aligned columns under their titles. Too narrow: columns are left out, then lines are cut. */
export function table(columns: readonly Column[], rows: readonly (readonly Line[])[], width: number): Line[] {
  const titles = columns.map(({ title }) => [span(title, 'dim')]);
  const widths = columns.map((_, index) =>
    Math.max(...[titles, ...rows].map((row) => widthOf(row[index] ?? []))),
  );
  const shown = columnsThatFit(columns, widths, width);
  return [titles, ...rows].map((row) => {
    const cells = shown.map((index) => pad(row[index] ?? [], widths[index] ?? 0, columns[index]?.align));
    const line = cells.flatMap((cell, index) => (index === 0 ? cell : [span('  '), ...cell]));
    return fit(trimEnd(line), width);
  });
}

function columnsThatFit(columns: readonly Column[], widths: readonly number[], width: number): number[] {
  const shown = columns.map((_, index) => index);
  const total = () => shown.reduce((sum, index) => sum + (widths[index] ?? 0) + 2, -2);
  const leastNeeded = () =>
    shown.toSorted((a, b) => (columns[b]?.dispensable ?? 0) - (columns[a]?.dispensable ?? 0))[0];
  for (let least = leastNeeded(); total() > width; least = leastNeeded()) {
    if (least === undefined || columns[least]?.dispensable === 0) break;
    shown.splice(shown.indexOf(least), 1);
  }
  return shown;
}

function pad(cell: Line, width: number, align: 'right' | undefined): Line {
  const gap = span(' '.repeat(Math.max(0, width - widthOf(cell))));
  return align === 'right' ? [gap, ...cell] : [...cell, gap];
}

function trimEnd(line: Line): Line {
  const last = line.at(-1);
  return last && last.text.trim() === '' ? trimEnd(line.slice(0, -1)) : line;
}
