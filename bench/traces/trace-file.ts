import type { z } from 'zod';
import { asModelId } from '../../src/contracts/ids.ts';
import { jobClasses } from '../../src/contracts/job.ts';
import {
  type TraceHeader,
  type TraceJobLine,
  traceHeaderSchema,
  traceJobSchema,
} from '../../src/contracts/trace-file.ts';
import type { ClassIndex } from '../../src/worker/scheduler/types.ts';
import type { Trace, TraceJob } from './trace.ts';

/**
 * A day from a file of JSON lines: the house first, then one job a line, in any order.
 * @throws Error that names the line, when one cannot be read, names no model of the house, or could never fit
 */
export function parseTraceFile(text: string, name: string): Trace {
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), number: index + 1 }));
  const [first, ...rest] = lines.filter(({ line }) => line !== '');
  if (first === undefined) throw new Error(`${name} is empty: its first line describes the house.`);
  const read = <Schema extends z.ZodType>(schema: Schema, at: { line: string; number: number }) =>
    parseLine(schema, at.line, `${name}, line ${at.number}`);
  const house = houseOf(read(traceHeaderSchema, first), name);
  const known = new Set<string>(house.models.map(({ id }) => id));
  const jobs = rest.map((at) => {
    const job = read(traceJobSchema, at);
    if (!known.has(job.model))
      throw new Error(`${name}, line ${at.number}: the first line has no model "${job.model}".`);
    return jobOf(job);
  });
  return { name, ...house, jobs: jobs.toSorted((a, b) => a.tMs - b.tMs) };
}

function parseLine<Schema extends z.ZodType>(schema: Schema, line: string, where: string): z.infer<Schema> {
  const result = schema.safeParse(parseJson(line, where));
  if (result.success) return result.data;
  const [problem] = result.error.issues;
  throw new Error(`${where}: ${problem?.path.join('.') || 'it'}: ${problem?.message ?? 'is wrong'}.`);
}

function parseJson(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`${where}: this is no JSON.`);
  }
}

function houseOf({ vram_mb: vram, gpus, models }: TraceHeader, name: string): Omit<Trace, 'name' | 'jobs'> {
  const tooLarge = models.find((model) => vram > 0 && model.vram_mb > vram);
  if (tooLarge)
    throw new Error(`${name}: ${tooLarge.id} needs more memory than there is, and can never run.`);
  return {
    ...{ vram, gpus },
    models: models.map((model) => ({
      id: asModelId(model.id),
      loadMs: model.load_ms,
      unloadMs: model.unload_ms,
      vram: model.vram_mb,
      concurrency: model.concurrency,
      serviceMs: model.service_ms,
    })),
  };
}

const jobOf = (job: TraceJobLine): TraceJob => ({
  tMs: job.t_ms,
  model: asModelId(job.model),
  class: jobClasses.indexOf(job.class) as ClassIndex,
  serviceMs: job.service_ms,
  key: job.key ?? null,
});
