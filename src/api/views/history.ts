import type { HistoryEntry } from '../ports.ts';

/** One event of the past: its facts in snake_case, `at` in seconds with three decimals. */
export function historyView({ atMs, event }: HistoryEntry) {
  const { type, ...facts } = event;
  const named = Object.entries(facts).map(([name, value]) => [snakeCase(name), value]);
  return { object: 'event', at: atMs / 1000, type, ...Object.fromEntries(named) };
}

const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
