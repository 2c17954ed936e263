import { table } from '../lib/options.ts';
import type { ModelFigures } from './measure.ts';

/** A Markdown table, and why a model that was to sleep did not. */
export function gpuTable(results: Readonly<Record<string, ModelFigures>>): string {
  const head = [
    'model',
    'before MB',
    'resident',
    'asleep',
    'after',
    'cold s',
    'cached',
    'wake',
    'sleep',
    'stop',
  ];
  const shown = (value: number | null) => value ?? '–';
  const rows = Object.entries(results).map(([model, each]) => [
    model,
    ...[each.before_mb, each.resident_mb, shown(each.asleep_mb), each.after_mb, shown(each.cold_s)],
    ...[each.cached_s, shown(each.wake_s), shown(each.sleep_s), each.stop_s],
  ]);
  const notes = Object.entries(results).flatMap(([model, { sleepless }]) =>
    sleepless === null ? [] : [`\n${model} does not sleep: ${sleepless}.\n`],
  );
  return `${table(head, rows)}\n${notes.join('')}`;
}
