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
  'a job longer by',
  'a swap longer by',
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
    ...[seconds(distortion.jobS), seconds(distortion.swapS)],
  ];
}

const short = (value: number): string =>
  Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));

const seconds = (value: number): string => value.toFixed(1).replace('-', '−');

const percent = (share: number): string => `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(1)} %`;
