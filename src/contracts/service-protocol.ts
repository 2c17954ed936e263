import { z } from 'zod';

/** What a model server says about itself: `GET /health`, always 200. */
export const serviceStatuses = ['STARTING', 'READY', 'BUSY', 'ASLEEP', 'SETUP_FAILED', 'DEFUNCT'] as const;
export type ServiceStatus = (typeof serviceStatuses)[number];

export const healthSchema = z.object({
  status: z.enum(serviceStatuses),
  boot_id: z.string().nullish(),
  name: z.string().optional(),
  load: z.object({ progress: z.number().nullable(), phase: z.string().nullable() }).nullish(),
  in_flight: z.number().optional(),
  can_sleep: z.boolean().optional(),
  error: z.string().nullish(),
});
export type Health = z.infer<typeof healthSchema>;

/** One line on the events pipe (fd 3), from the launcher (`started`, `exited`) or from the service. */
export const serviceEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('started'), pid: z.number() }),
  z.object({ type: z.literal('exited'), code: z.number().nullable(), signal: z.string().nullable() }),
  z.object({
    type: z.literal('state'),
    status: z.enum(serviceStatuses),
    boot_id: z.string().nullish(),
    error: z.string().nullish(),
  }),
  z.object({
    type: z.literal('load'),
    progress: z.number().nullable(),
    phase: z.string().nullish(),
    boot_id: z.string().nullish(),
  }),
  z.object({
    /** Files, or folders of files, that its load reads, absolute: they are read ahead of the next one. */
    type: z.literal('weights'),
    paths: z.array(z.string()).max(100),
    boot_id: z.string().nullish(),
  }),
  z.object({
    type: z.literal('job'),
    job_id: z.string(),
    progress: z.number().nullable(),
    phase: z.string().nullish(),
    boot_id: z.string().nullish(),
  }),
]);
export type ServiceEvent = z.infer<typeof serviceEventSchema>;

/** Variables that the supervisor hands to a model server. */
export const serviceEnv = {
  socket: 'ROUNDHOUSE_SOCKET',
  port: 'ROUNDHOUSE_SERVICE_PORT',
  bootId: 'ROUNDHOUSE_BOOT_ID',
  instance: 'ROUNDHOUSE_INSTANCE',
  model: 'ROUNDHOUSE_MODEL',
  args: 'ROUNDHOUSE_ARGS',
  /** `1`: its model is to sleep when it is evicted, where it can. */
  sleep: 'ROUNDHOUSE_SLEEP',
  eventsFd: 'ROUNDHOUSE_EVENTS_FD',
} as const;

/**
 * `POST`, answered by every service: 200 with the body of health when it is done, 409 in the wrong state (requests in
 * flight included), 501 where `can_sleep` is not true. A service that fails at it becomes DEFUNCT.
 */
export const servicePaths = {
  sleep: '/roundhouse/sleep',
  wake: '/roundhouse/wake',
  /** Answers `{canary}`: what a small fixed generation came to, or null where the service offers none. */
  canary: '/roundhouse/canary',
} as const;

export const canarySchema = z.object({ canary: z.string().nullable() });
