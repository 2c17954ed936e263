import { z } from 'zod';
import { jobClasses } from '../contracts/job.ts';
import type { TraceHeader, TraceJobLine } from '../contracts/trace-file.ts';

/** The answers that a trace is made of, as far as they are used; moments are epoch seconds. */
export const jobHistoryJson = z.object({
  data: z.array(
    z.object({
      at: z.number(),
      type: z.string(),
      job_id: z.string(),
      model: z.string().optional(),
      class: z.enum(jobClasses).optional(),
      key_id: z.string().optional(),
      is_started: z.boolean().optional(),
    }),
  ),
});
export const swapHistoryJson = z.object({
  data: z.array(
    z.object({
      type: z.string(),
      load: z.string().nullish(),
      evicted: z.array(z.string()).nullish(),
      load_ms: z.number().nullish(),
      unload_ms: z.number().nullish(),
    }),
  ),
});
export const traceModelsJson = z.object({
  data: z.array(z.object({ id: z.string(), vram_mb: z.number(), concurrency: z.number() })),
});
export const gpuJson = z.object({ vram_mb: z.number() });

export interface TraceAnswers {
  readonly jobs: z.infer<typeof jobHistoryJson>;
  readonly swaps: z.infer<typeof swapHistoryJson>;
  readonly models: z.infer<typeof traceModelsJson>;
  readonly gpu: z.infer<typeof gpuJson>;
}

export interface ExportedTrace {
  readonly header: TraceHeader;
  readonly jobs: readonly TraceJobLine[];
  /** Jobs of which the history does not tell all three: acceptance, start and end. */
  readonly leftOut: number;
  /** Models whose load the history does not tell. */
  readonly assumed: readonly string[];
}

/** What a load and an unload take where the history does not tell, ms: the scheduler's own first guess. */
const assumedMs = { load: 60_000, unload: 3_000 } as const;

/** A trace from what a server remembers; times count from its first job. Keys are numbered, not named. */
export function traceOf({ jobs, swaps, models, gpu }: TraceAnswers): ExportedTrace {
  const lives = livesOf(jobs.data);
  const known = new Set(models.data.map(({ id }) => id));
  const whole = lives.filter(isWhole).filter(({ model }) => known.has(model));
  const lines = linesOf(whole.toSorted((a, b) => a.acceptedMs - b.acceptedMs));
  const used = models.data.filter(({ id }) => lines.some(({ model }) => model === id));
  const finished = swaps.data.filter(({ type }) => type === 'swap.finished');
  const loads = (id: string) => finished.flatMap((swap) => (swap.load === id ? [swap.load_ms ?? 0] : []));
  const unloads = (id: string) =>
    finished.flatMap(({ evicted, unload_ms: ms }) => (evicted?.join('\n') === id ? [ms ?? 0] : []));
  const services = (id: string) => lines.flatMap(({ model, service_ms: ms }) => (model === id ? [ms] : []));
  const header = {
    ...{ vram_mb: gpu.vram_mb, gpus: 1 },
    models: used.map(({ id, vram_mb, concurrency }) => ({
      id,
      load_ms: mean(loads(id)) ?? assumedMs.load,
      unload_ms: mean(unloads(id)) ?? assumedMs.unload,
      ...{ vram_mb, concurrency, service_ms: mean(services(id)) ?? 0 },
    })),
  };
  const assumed = used.map(({ id }) => id).filter((id) => loads(id).length === 0);
  return { header, jobs: lines, leftOut: lives.length - whole.length, assumed };
}

interface Life {
  readonly model?: string;
  readonly class?: TraceJobLine['class'];
  readonly key?: string | undefined;
  readonly acceptedMs?: number;
  /** The last start: an attempt that broke off is no work done. */
  readonly startedMs?: number;
  readonly settledMs?: number;
}
type WholeLife = Required<Life>;

/** The history comes newest first. */
function livesOf(events: TraceAnswers['jobs']['data']): readonly Life[] {
  const lives = new Map<string, Life>();
  for (const {
    at,
    type,
    job_id: id,
    model,
    class: jobClass,
    key_id: key,
    is_started,
  } of events.toReversed()) {
    const ms = Math.round(at * 1000);
    const life = lives.get(id) ?? {};
    if (type === 'job.accepted' && model !== undefined && jobClass !== undefined)
      lives.set(id, {
        ...life,
        model,
        class: jobClass,
        key,
        acceptedMs: ms,
        ...(is_started && { startedMs: ms }),
      });
    else if (type === 'job.started') lives.set(id, { ...life, startedMs: ms });
    else if (type === 'job.settled') lives.set(id, { ...life, settledMs: ms });
  }
  return [...lives.values()];
}

const isWhole = (life: Life): life is WholeLife =>
  life.acceptedMs !== undefined && life.startedMs !== undefined && life.settledMs !== undefined;

function linesOf(lives: readonly WholeLife[]): TraceJobLine[] {
  const keys = [...new Set(lives.flatMap(({ key }) => key ?? []))];
  const beginMs = lives[0]?.acceptedMs ?? 0;
  return lives.map(({ model, class: jobClass, key, acceptedMs, startedMs, settledMs }) => ({
    ...{ t_ms: acceptedMs - beginMs, model, class: jobClass, service_ms: settledMs - startedMs },
    ...(key !== undefined && { key: `key-${keys.indexOf(key) + 1}` }),
  }));
}

const mean = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : Math.round(values.reduce((sum, each) => sum + each, 0) / values.length);
