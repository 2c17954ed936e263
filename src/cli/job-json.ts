import { z } from 'zod';

/** A job as the API gives it; times are epoch seconds, durations ms. */
export const jobJson = z.object({
  id: z.string(),
  status: z.string(),
  phase: z.string().nullish(),
  model: z.string(),
  endpoint: z.string().nullish(),
  created_at: z.number(),
  started_at: z.number().nullish(),
  completed_at: z.number().nullish(),
  queue_position: z.number().nullish(),
  progress: z.number().nullish(),
  priority: z.string().nullish(),
  attempts: z.number().nullish(),
  max_attempts: z.number().nullish(),
  output: z.unknown().optional(),
  files: z
    .array(
      z.object({ index: z.number(), url: z.string().nullish(), content_type: z.string(), bytes: z.number() }),
    )
    .nullish(),
  error: z.object({ message: z.string(), code: z.string().nullish() }).nullish(),
  metrics: z
    .object({
      queue_ms: z.number().nullish(),
      load_ms: z.number().nullish(),
      execution_ms: z.number().nullish(),
    })
    .nullish(),
  webhook: z
    .object({
      url: z.string(),
      status: z.string(),
      attempts: z.number().nullish(),
      last_error: z.string().nullish(),
    })
    .nullish(),
});

export type JobJson = z.infer<typeof jobJson>;

export const jobListJson = z.object({ data: z.array(jobJson), has_more: z.boolean().nullish() });
