import { parseArgs } from 'node:util';

/** `--json`, and numbers by name. */
export function benchOptions<Name extends string>(
  defaults: Readonly<Record<Name, number>>,
): Record<Name, number> & { readonly json: boolean } {
  const names = Object.keys(defaults) as Name[];
  const numbers = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const { values } = parseArgs({ options: { json: { type: 'boolean' }, ...numbers } });
  const chosen = Object.fromEntries(
    names.map((name) => [name, Number((values as Record<string, unknown>)[name] ?? defaults[name])]),
  ) as Record<Name, number>;
  return { ...chosen, json: values.json === true };
}

/** A Markdown table, as it stands in docs/PERFORMANCE.md. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [head, head.map((_, at) => (at === 0 ? '---' : '--:')), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Tells what goes on, where it does not disturb the result. */
export const tell = (line: string): void => void process.stderr.write(`${line}\n`);
