import { z } from 'zod';
import { jobClasses } from './job.ts';

const ms = z.number().nonnegative();

/** The first line of a trace file: the house. `vram_mb` 0: one resident at a time; `service_ms`: a model's mean. */
export const traceHeaderSchema = z.object({
  vram_mb: z.number().nonnegative(),
  gpus: z.int().min(1).max(64).default(1),
  models: z
    .array(
      z.object({
        id: z.string().min(1),
        load_ms: ms,
        unload_ms: ms,
        vram_mb: z.number().nonnegative().default(0),
        concurrency: z.int().min(1).default(1),
        service_ms: ms,
      }),
    )
    .min(1),
});
export type TraceHeader = z.infer<typeof traceHeaderSchema>;

/** Every other line: one job, with the time it came. */
export const traceJobSchema = z.object({
  t_ms: ms,
  model: z.string().min(1),
  class: z.enum(jobClasses),
  service_ms: ms,
  key: z.string().min(1).nullish(),
});
export type TraceJobLine = z.infer<typeof traceJobSchema>;
