import type { z } from 'zod';
import { chatRequestSchema } from './chat.ts';
import { completionRequestSchema } from './completion.ts';
import { customRequestSchema } from './custom.ts';
import { embeddingRequestSchema } from './embedding.ts';
import { imageEditSchema, imageRequestSchema } from './image.ts';
import { musicRequestSchema, soundRequestSchema } from './music.ts';
import { responseRequestSchema } from './response.ts';
import { speechRequestSchema } from './speech.ts';
import { transcriptionSchema, translationSchema } from './transcription.ts';

/** What every request body of a model has in common once it is checked. */
export interface ModelRequest {
  readonly [field: string]: unknown;
  readonly model?: string | undefined;
  readonly stream?: unknown;
}

/** OpenAI's own paths, and two in their manner, and how their bodies look. */
export const requestSchemas: ReadonlyMap<string, z.ZodType<ModelRequest>> = new Map<
  string,
  z.ZodType<ModelRequest>
>([
  ['/v1/chat/completions', chatRequestSchema],
  ['/v1/completions', completionRequestSchema],
  ['/v1/responses', responseRequestSchema],
  ['/v1/embeddings', embeddingRequestSchema],
  ['/v1/images/generations', imageRequestSchema],
  ['/v1/images/edits', imageEditSchema],
  ['/v1/audio/speech', speechRequestSchema],
  ['/v1/audio/transcriptions', transcriptionSchema],
  ['/v1/audio/translations', translationSchema],
  ['/v1/audio/generations', musicRequestSchema],
  ['/v1/sound-generation', soundRequestSchema],
]);

/** The schema of a path; of one we do not know, any JSON object. */
export const requestSchemaOf = (endpoint: string): z.ZodType<ModelRequest> =>
  requestSchemas.get(endpoint) ?? customRequestSchema;
