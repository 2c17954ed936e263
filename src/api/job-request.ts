import { z } from 'zod';

export const terminalEvents = ['job.completed', 'job.failed', 'job.cancelled', 'job.expired'] as const;

const policySchema = z.strictObject({
  queue_ttl_seconds: z.int().min(1).max(604_800).nullish(),
  execution_timeout_seconds: z.int().min(1).max(86_400).nullish(),
  result_ttl_seconds: z.int().min(60).max(2_592_000).nullish(),
});

/** What a client may say about how its job is handled, on `POST /jobs` and in the body of an OpenAI call. */
export const handlingFields = {
  webhook: z.string().min(1).max(2048).nullish(),
  /** `completed`: every end, as Replicate means it. */
  webhook_events_filter: z
    .array(z.enum([...terminalEvents, 'completed']))
    .min(1)
    .nullish(),
  policy: policySchema.nullish(),
};

const prioritySchema = z.enum(['high', 'normal', 'low']);

export const handlingSchema = z.object({ ...handlingFields, priority: prioritySchema.nullish() });
export type Handling = z.infer<typeof handlingSchema>;

const metadataSchema = z
  .record(z.string().min(1).max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, 'at most 16 pairs');

/** `POST /jobs` */
export const jobRequestSchema = z.strictObject({
  model: z.string().min(1).optional(),
  endpoint: z.string().startsWith('/').max(256).optional(),
  input: z.record(z.string(), z.unknown()),
  ...handlingFields,
  priority: prioritySchema.nullish(),
  metadata: metadataSchema.nullish(),
});
