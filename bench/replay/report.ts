import { markdownTable } from '../lib/table.ts';
import { type Figures, swapDifference } from './figures.ts';

const titles = [
  'trace',
  'faster',
  'jobs',
  'swaps, simulated',
  'replayed',
  'difference',
  'mean wait, simulated',
  'replayed',
  'p99, simulated',
  'replayed',
  'lost',
  'doubled',
  'added to a job: taken off',
  'left',
  'added to a swap: taken off',
  'left',
];

/** Trace -> figures, as they stand in docs/PERFORMANCE.md. */
export const replayTable = (results: Readonly<Record<string, Figures>>): string =>
  markdownTable(titles, Object.entries(results).map(rowOf));

function rowOf([name, figures]: readonly [string, Figures]): readonly string[] {
  const { factor, simulated, replayed, lost, doubled, distortion } = figures;
  return [
    ...[name, `${factor} ×`, short(simulated.jobs)],
    ...[short(simulated.swaps), short(replayed.swaps), percent(swapDifference(figures))],
    ...[short(simulated.meanWaitS), short(replayed.meanWaitS)],
    ...[short(simulated.p99WaitS), short(replayed.p99WaitS)],
    ...[short(lost), short(doubled)],
    ...[distortion.jobTakenOffS.toFixed(1), distortion.jobS.toFixed(1)],
    ...[distortion.swapTakenOffS.toFixed(1), distortion.swapS.toFixed(1)],
  ];
}

const short = (value: number): string =>
  Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));

const percent = (share: number): string => `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(1)} %`;
