import type { z } from 'zod';
import { chatRequestSchema } from './chat.ts';
import { completionRequestSchema } from './completion.ts';
import { customRequestSchema } from './custom.ts';
import { speechRequestSchema } from './speech.ts';

/** What every request body of a model has in common once it is checked. */
export interface ModelRequest {
  readonly [field: string]: unknown;
  readonly model?: string | undefined;
  readonly stream?: unknown;
}

/** OpenAI's own paths and how their bodies look. */
export const requestSchemas: ReadonlyMap<string, z.ZodType<ModelRequest>> = new Map<
  string,
  z.ZodType<ModelRequest>
>([
  ['/v1/chat/completions', chatRequestSchema],
  ['/v1/completions', completionRequestSchema],
  ['/v1/audio/speech', speechRequestSchema],
]);

/** The schema of a path; of one we do not know, any JSON object. */
export const requestSchemaOf = (endpoint: string): z.ZodType<ModelRequest> =>
  requestSchemas.get(endpoint) ?? customRequestSchema;
