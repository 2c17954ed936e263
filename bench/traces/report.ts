import { markdownTable } from '../lib/table.ts';
import type { Comparison, Outcome } from './compare.ts';
import type { Waits } from './measure.ts';
import { isReached, type Target, targets } from './targets.ts';

/** One table for each trace. */
export const traceTables = (results: Comparison): string =>
  Object.entries(results)
    .map(([name, outcomes]) => traceTable(name, outcomes))
    .join('\n');

const classColumns = ['interactive', 'normal', 'batch'] as const;

function traceTable(name: string, outcomes: Readonly<Record<string, Outcome>>): string {
  const all = Object.values(outcomes);
  const classes = classColumns.filter((each) => all.some(({ byClass }) => byClass[each]));
  const titles = [
    ...[name, 'swaps', 'of FIFO', 'swap share', 'pain', '÷ FIFO', '÷ bound'],
    ...['mean wait', '÷ FIFO', '÷ bound'],
    ...classes.map((each) => `${each} mean / p50 / p99 / max`),
  ];
  const rows = Object.entries(outcomes).map(([policy, outcome]) => rowOf(policy, outcome, classes));
  const [first] = all;
  const bound =
    first?.bound && `Bound: mean wait ${short(first.bound.meanWaitS)} s, pain ${short(first.bound.pain)}.\n`;
  return `${markdownTable(titles, rows)}${bound ? `\n${bound}` : ''}`;
}

function rowOf(policy: string, outcome: Outcome, classes: readonly string[]): string[] {
  const { swaps, swapShare, pain, meanWaitS, toFifo, toBound, byClass } = outcome;
  const ratio = (value: number | null | undefined) => (typeof value === 'number' ? short(value) : '–');
  return [
    policy,
    short(swaps),
    toFifo ? percent(toFifo.swaps) : '–',
    percent(swapShare),
    ...[short(pain), ratio(toFifo?.pain), ratio(toBound?.pain)],
    ...[short(meanWaitS), ratio(toFifo?.meanWait), ratio(toBound?.meanWait)],
    ...classes.map((each) => waitsText(byClass[each])),
  ];
}

const waitsText = (waits: Waits | undefined): string =>
  waits === undefined
    ? '–'
    : [waits.meanWaitS, waits.p50WaitS, waits.p99WaitS, waits.maxWaitS].map(short).join(' / ');

/** All traces in one table, without the classes. */
export function summaryTable(results: Comparison): string {
  const titles = [
    ...['trace', 'policy', 'swaps', 'of FIFO', 'swap share', 'pain', '÷ FIFO', '÷ bound'],
    ...['mean wait', '÷ FIFO', '÷ bound', 'p50', 'p99', 'max'],
  ];
  const rows = Object.entries(results).flatMap(([name, outcomes]) =>
    Object.entries(outcomes).map(([policy, outcome]) => [
      ...[name, ...rowOf(policy, outcome, [])],
      ...[outcome.p50WaitS, outcome.p99WaitS, outcome.maxWaitS].map(short),
    ]),
  );
  return markdownTable(titles, rows, { names: 2 });
}

/** Every target whose traces ran, and whether it is reached. */
export function targetTable(results: Comparison): string {
  const rows = targets.flatMap((target) => {
    const value = target.valueOf(results);
    return value === undefined ? [] : [targetRow(target, value)];
  });
  return rows.length === 0 ? '' : markdownTable(['target', 'measured', 'must', '', 'moonshot', ''], rows);
}

function targetRow(target: Target, value: number): string[] {
  const { what, must, moonshot, isAtLeast, digits } = target;
  const limit = (of: number) => `${isAtLeast ? '≥' : '≤'} ${of}`;
  const verdict = (of: number) => (isReached(target, value, of) ? 'reached' : 'not reached');
  const isMust = must < Infinity;
  return [
    what,
    value.toFixed(digits),
    isMust ? limit(must) : '–',
    isMust ? verdict(must) : '',
    moonshot === undefined ? '–' : limit(moonshot),
    moonshot === undefined ? '' : verdict(moonshot),
  ];
}

/** Three digits, and thousands in full. */
function short(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return value === 0 ? '0' : String(Number(value.toPrecision(3)));
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
