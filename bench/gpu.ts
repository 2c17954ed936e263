import { parseArgs } from 'node:util';
import { type ModelFigures, measureModel, openBox } from './gpu/measure.ts';
import { gpuTable } from './gpu/report.ts';
import { tell } from './lib/options.ts';

const help = `What each model of a models file holds of the GPU, and what its swaps take: before, resident, asleep, after its end;
a cold start, one with its weights in the page cache, falling asleep, waking. One model at a time, each in the process and
by the supervisor that serve uses. Needs an NVIDIA GPU that nothing else uses.

  npm run bench:gpu -- [options]

  --models <ids>     by commas (default: all of the models file; ROUNDHOUSE_MODELS names another)
  --rounds <number>  loads of each kind; the median counts (default: 3)
  --json             one JSON object, {model: {before_mb, resident_mb, asleep_mb, after_mb, cold_s, cached_s, sleep_s, wake_s, stop_s}}
`;

try {
  const { values } = parseArgs({
    options: {
      models: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) process.stdout.write(help);
  else await run(values);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nSee --help.\n`);
  process.exitCode = 2;
}

async function run(options: { models?: string; rounds: string; json?: boolean }): Promise<void> {
  const rounds = Number(options.rounds);
  if (!(Number.isInteger(rounds) && rounds > 0))
    throw new RangeError(`"${options.rounds}" is no number of rounds.`);
  await using box = await openBox(process.env);
  const results: Record<string, ModelFigures> = {};
  for (const model of box.modelsNamed(options.models)) {
    tell(`${model}: ${rounds} rounds`);
    results[model] = await measureModel(box, model, rounds);
  }
  process.stdout.write(options.json ? `${JSON.stringify(results)}\n` : gpuTable(results));
}
