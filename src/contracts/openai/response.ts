import { z } from 'zod';

/** `POST /v1/responses`: what only the model server understands is left to it. */
export const responseRequestSchema = z.looseObject({
  model: z.string().min(1).optional(),
  input: z.union([z.string(), z.array(z.looseObject({}))]).nullish(),
  stream: z.boolean().nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  /** A job does the same for every endpoint: `Prefer: respond-async`. */
  background: z
    .literal(false, 'not offered here: send the header "Prefer: respond-async" for a job instead')
    .nullish(),
});
