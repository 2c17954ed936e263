import { z } from 'zod';

const spokenFields = {
  model: z.string().min(1).optional(),
  prompt: z.string().max(32_000).nullish(),
  response_format: z.enum(['json', 'text', 'srt', 'verbose_json', 'vtt']).nullish(),
  temperature: z.number().min(0).max(1).nullish(),
};

/** `POST /v1/audio/transcriptions`, but for its file. */
export const transcriptionSchema = z.looseObject({
  ...spokenFields,
  language: z.string().min(2).max(32).nullish(),
  timestamp_granularities: z.array(z.enum(['word', 'segment'])).nullish(),
  stream: z.boolean().nullish(),
});

/** `POST /v1/audio/translations`, but for its file. */
export const translationSchema = z.looseObject({ ...spokenFields, stream: z.literal(false).nullish() });
