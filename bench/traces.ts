import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { type Comparison, compare } from './traces/compare.ts';
import { openTrace, openTraces } from './traces/generate.ts';
import { summaryTable, targetTable, traceTables } from './traces/report.ts';
import type { Trace } from './traces/trace.ts';
import { parseTraceFile } from './traces/trace-file.ts';
import { variants } from './traces/variants.ts';

const help = `What the scheduler that ships does with recorded and made-up days, beside other policies. Simulated; times in s.

  npm run bench:traces -- [options]

  --trace <names>      open traces, by commas (default: all): ${openTraces.join(', ')}
  --seeds <numbers>    draws of each, by commas (default: 1,2,3,4,5); the result is the mean
  --trace-file <path>  a trace from a file instead; \`roundhouse trace export\` writes one
  --policy <names>     by commas (default: those that suit each trace):
${Object.entries(variants)
  .map(([name, { what }]) => `    ${name.padEnd(16)} ${what}`)
  .join('\n')}
  --summary            one table for all traces, without the classes
  --json               one JSON object, {trace: {policy: measures}}
`;

try {
  const { values } = parseArgs({
    options: {
      trace: { type: 'string' },
      seeds: { type: 'string' },
      'trace-file': { type: 'string' },
      policy: { type: 'string' },
      summary: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) process.stdout.write(help);
  else {
    const results = run(drawsOf(values), values.policy?.split(','));
    process.stdout.write(
      values.json ? `${JSON.stringify(results)}\n` : textOf(results, values.summary === true),
    );
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nSee --help.\n`);
  process.exitCode = 2;
}

function drawsOf(values: { trace?: string; seeds?: string; 'trace-file'?: string }): readonly Trace[][] {
  const path = values['trace-file'];
  if (path !== undefined) return [[parseTraceFile(readFileSync(path, 'utf8'), basename(path))]];
  const seeds = (values.seeds ?? '1,2,3,4,5').split(',').map(seedOf);
  const names = values.trace?.split(',') ?? openTraces;
  return names.map((name) => seeds.map((seed) => openTrace(name, seed)));
}

function seedOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RangeError(`"${text}" is no seed: seeds are whole numbers, by commas.`);
}

function run(traces: readonly Trace[][], policies: readonly string[] | undefined): Comparison {
  return Object.fromEntries(
    traces.flatMap((draws) => {
      const [first] = draws;
      if (first === undefined) return [];
      const suited = Object.keys(variants).filter((name) => variants[name]?.suits(first));
      return [[first.name, compare(draws, policies ?? suited)]];
    }),
  );
}

function textOf(results: Comparison, isSummary: boolean): string {
  const tables = isSummary ? summaryTable(results) : traceTables(results);
  const met = targetTable(results);
  return met === '' ? tables : `${tables}\n${met}`;
}
