import { z } from 'zod';
import { generationFields } from './generation.ts';

const contentSchema = z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]);

const messageSchema = z
  .looseObject({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
    content: contentSchema.nullish(),
  })
  .check((context) => {
    const { role, content } = context.value;
    if (role === 'assistant' || role === 'function' || (content !== undefined && content !== null)) return;
    context.issues.push({ code: 'custom', path: ['content'], message: 'missing', input: content });
  });

/** `POST /v1/chat/completions` */
export const chatRequestSchema = z.looseObject({
  ...generationFields,
  messages: z.array(messageSchema).min(1),
  max_completion_tokens: z.int().min(1).nullish(),
  tools: z.array(z.looseObject({ type: z.string() })).nullish(),
  response_format: z.looseObject({ type: z.string() }).nullish(),
});
