import { z } from 'zod';
import { generationFields } from './generation.ts';

const tokens = z.array(z.int().min(0));

/** `POST /v1/completions` */
export const completionRequestSchema = z.looseObject({
  ...generationFields,
  prompt: z.union([
    z.string(),
    z.array(z.string()).min(1).max(128),
    tokens.min(1),
    z.array(tokens).min(1).max(128),
  ]),
  best_of: z.int().min(1).max(10).nullish(),
  echo: z.boolean().nullish(),
});
