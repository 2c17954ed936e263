import { formatBytes } from '../byte-sizes.ts';
import type { EventOf } from '../download-events.ts';
import { type Column, fit, type Line, paintLine, span, table } from '../layout.ts';
import type { Paint } from '../terminal.ts';

export interface WeightsRow {
  readonly model: string;
  /** null: it needs none of the hub. */
  readonly status: EventOf<'status'> | null;
  readonly elsewhere: string | null;
}

const columnsOfTable: readonly Column[] = [
  { title: 'MODEL', dispensable: 0 },
  { title: 'WEIGHTS', dispensable: 0 },
  { title: 'SIZE', align: 'right', dispensable: 0 },
  { title: 'REPOSITORY', dispensable: 2 },
  { title: 'REVISION', dispensable: 3 },
  { title: 'LICENCE', dispensable: 1 },
];

/** One line for each repository of each model, and what to do about what is missing. */
export function renderWeights(
  rows: readonly WeightsRow[],
  { columns, paint }: { columns: number; paint: Paint },
): string {
  const lines = [...table(columnsOfTable, rows.map(cells), columns), ...advice(rows)];
  return lines.map((line) => `${paintLine(fit(line, columns), paint)}\n`).join('');
}

function cells({ model, status, elsewhere }: WeightsRow): Line[] {
  if (status === null) return [[span(model, 'strong')], [span(elsewhere ?? '–', 'dim')], [], [], [], []];
  return [
    [span(model, 'strong')],
    [stateSpan(status)],
    [span(sizeOf(status))],
    [span(status.repo)],
    [span((status.commit ?? status.revision).slice(0, 12), 'dim')],
    [span(status.licence ?? '–', 'dim')],
  ];
}

function stateSpan({ state, have_bytes: have, total_bytes: total }: EventOf<'status'>) {
  const share = total ? ` ${Math.floor((have / total) * 100)} %` : '';
  switch (state) {
    case 'present':
      return span('present', 'good');
    case 'partial':
      return span(`partial${share}`, 'busy');
    case 'missing':
      return span('missing', 'bad');
    case 'unchecked':
      return span('unchecked', 'busy');
  }
}

function sizeOf({ state, have_bytes: have, total_bytes: total }: EventOf<'status'>): string {
  if (state === 'partial' && total !== null) return `${formatBytes(have)} of ${formatBytes(total)}`;
  const known = total ?? have;
  return known > 0 ? formatBytes(known) : '–';
}

function advice(rows: readonly WeightsRow[]): Line[] {
  const states = new Set(rows.map(({ status }) => status?.state));
  const lines: Line[] = [];
  if (states.has('missing') || states.has('partial'))
    lines.push([span('Fetch what is missing: npx roundhouse models pull --all', 'dim')]);
  if (states.has('unchecked'))
    lines.push([
      span('Unchecked: another program put it there; "models pull" finds out whether it is whole.', 'dim'),
    ]);
  return lines;
}
