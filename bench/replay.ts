import { parseArgs } from 'node:util';
import { tell } from './lib/options.ts';
import { type Figures, figuresOf, swapDifference } from './replay/figures.ts';
import { replay } from './replay/replay.ts';
import { replayTable } from './replay/report.ts';
import { openTrace, openTraces } from './traces/generate.ts';
import { meanOf } from './traces/measure.ts';
import type { Trace } from './traces/trace.ts';

const help = `The open traces through the worker that ships, with a real Redis, launchers and processes, in faster time.
The model servers are stand-ins that load and work for as long as the trace says. Times in s of the trace.

  npm run bench:replay -- [options]

  --trace <names>    open traces, by commas (default: mixed3,zipf8,abab,flood,starver); of: ${openTraces.join(', ')}
  --seeds <numbers>  draws of each, by commas (default: 1); the result is the mean
  --factor <number>  how many times as fast (default: 200, and 20 where weights sleep in memory)
  --minutes <number> only what comes in the first minutes of a trace
  --json             one JSON object, {trace: {factor, simulated, replayed, lost, doubled, distortion}}

Fails when a job is lost or runs twice, or when the swaps differ from the simulated ones by more than 15 %.
`;

const mostDifference = 0.15;

interface Options {
  readonly trace?: string;
  readonly seeds?: string;
  readonly factor?: string;
  readonly minutes?: string;
}

try {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      ...{ trace: text, seeds: text, factor: text, minutes: text },
      ...{ json: { type: 'boolean' }, help: { type: 'boolean' } },
    },
  });
  if (values.help) process.stdout.write(help);
  else {
    const results = await run(values);
    process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : replayTable(results));
    if (!Object.values(results).every(holds)) process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nSee --help.\n`);
  process.exitCode = 2;
}

async function run(options: Options): Promise<Record<string, Figures>> {
  const results: Record<string, Figures> = {};
  const seeds = (options.seeds ?? '1').split(',').map((each) => positive(each, 'seed'));
  for (const name of (options.trace ?? 'mixed3,zipf8,abab,flood,starver').split(',')) {
    const draws: Figures[] = [];
    for (const seed of seeds) draws.push(await runOne(openTrace(name, seed), seed, options));
    results[name] = meanOf(draws);
  }
  return results;
}

async function runOne(trace: Trace, seed: number, options: Options): Promise<Figures> {
  const factor = positive(options.factor ?? (trace.name.endsWith('-s') ? '20' : '200'), 'factor');
  const untilMs = options.minutes === undefined ? Infinity : positive(options.minutes, 'minutes') * 60_000;
  const part = { ...trace, jobs: trace.jobs.filter(({ tMs }) => tMs < untilMs) };
  tell(`${trace.name}, seed ${seed}: ${part.jobs.length} jobs, ${factor} times as fast`);
  const replayed = await replay(part, factor);
  for (const problem of replayed.problems.slice(0, 20)) tell(`  ${problem}`);
  return figuresOf(replayed, factor);
}

function holds(figures: Figures): boolean {
  const { lost, doubled } = figures;
  return lost === 0 && doubled === 0 && Math.abs(swapDifference(figures)) <= mostDifference;
}

function positive(text: string, what: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new RangeError(`"${text}" is no ${what}: it must be a number over 0.`);
}
