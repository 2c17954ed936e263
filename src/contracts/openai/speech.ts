import { z } from 'zod';

/** `POST /v1/audio/speech` */
export const speechRequestSchema = z.looseObject({
  model: z.string().min(1).optional(),
  input: z.string().min(1).max(4096),
  voice: z.union([z.string().min(1), z.looseObject({ id: z.string().min(1) })]).nullish(),
  response_format: z.enum(['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm']).nullish(),
  speed: z.number().min(0.25).max(4).nullish(),
  stream_format: z.literal('audio').nullish(),
});
