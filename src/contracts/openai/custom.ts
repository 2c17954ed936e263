import { z } from 'zod';

/** Any other endpoint of the models file: a JSON object that only its own service understands. */
export const customRequestSchema = z.looseObject({
  model: z.string().min(1).optional(),
  stream: z.unknown().optional(),
});
