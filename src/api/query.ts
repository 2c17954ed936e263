import { z } from 'zod';
import { jobStatuses } from '../contracts/job.ts';

const wholeNumber = z
  .string()
  .regex(/^\d{1,12}$/, 'expected a whole number')
  .transform(Number);
const seconds = (max: number) =>
  z
    .string()
    .regex(/^\d{1,9}(\.\d{1,3})?$/, 'expected a number of seconds')
    .transform(Number)
    .refine((value) => value <= max, `at most ${max}`);
const limit = (max: number, fallback: number) =>
  wholeNumber.refine((value) => value >= 1 && value <= max, `expected 1 to ${max}`).default(fallback);

/** `GET /jobs` */
export const listQuerySchema = z.object({
  status: z.enum(jobStatuses).optional(),
  model: z.string().min(1).optional(),
  created_after: wholeNumber.optional(),
  created_before: wholeNumber.optional(),
  after: z.string().min(1).max(64).optional(),
  limit: limit(100, 20),
  order: z.enum(['asc', 'desc']).default('desc'),
});

/** `GET /jobs/:id` */
export const getQuerySchema = z.object({ wait: seconds(60).default(0) });

/** `GET /admin/history` */
export const historyQuerySchema = z.object({
  kind: z.enum(['swaps', 'jobs', 'models']).default('swaps'),
  limit: limit(10_000, 50),
});

/** `GET /admin/models/:id/logs` */
export const logsQuerySchema = z.object({ lines: limit(5000, 100) });
