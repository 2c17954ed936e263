import { z } from 'zod';

const mostInputs = 2048;
const token = z.int().min(0);

/** `POST /v1/embeddings` */
export const embeddingRequestSchema = z.looseObject({
  model: z.string().min(1).optional(),
  input: z.union([
    z.string().min(1),
    z.array(z.string()).min(1).max(mostInputs),
    z.array(token).min(1),
    z.array(z.array(token).min(1)).min(1).max(mostInputs),
  ]),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
});
