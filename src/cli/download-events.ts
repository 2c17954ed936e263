import { z } from 'zod';

const repository = { repo: z.string(), revision: z.string() };

/** What gpu-services/downloads tells, one JSON object per line. */
export const downloadEvent = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('repository'),
    ...repository,
    models: z.array(z.string()),
    commit: z.string(),
    /** Whether the lock file said so. */
    locked: z.boolean(),
    page: z.string(),
    licence: z.string().nullable(),
    licence_link: z.string().nullable(),
    gated: z.boolean(),
    files: z.number(),
    total_bytes: z.number(),
    have_bytes: z.number(),
  }),
  z.object({
    event: z.literal('plan'),
    need_bytes: z.number(),
    free_bytes: z.number(),
    folder: z.string(),
  }),
  z.object({
    event: z.literal('progress'),
    ...repository,
    have_bytes: z.number(),
    total_bytes: z.number(),
  }),
  z.object({ event: z.literal('note'), message: z.string() }),
  z.object({ event: z.literal('done'), ...repository, commit: z.string(), total_bytes: z.number() }),
  z.object({ event: z.literal('error'), message: z.string(), fix: z.string() }),
  z.object({ event: z.literal('interrupted') }),
  z.object({
    event: z.literal('status'),
    ...repository,
    models: z.array(z.string()),
    state: z.enum(['present', 'partial', 'missing', 'unchecked']),
    commit: z.string().nullable(),
    have_bytes: z.number(),
    total_bytes: z.number().nullable(),
    licence: z.string().nullable(),
  }),
]);

export type DownloadEvent = z.infer<typeof downloadEvent>;
export type EventOf<Name extends DownloadEvent['event']> = Extract<DownloadEvent, { event: Name }>;
