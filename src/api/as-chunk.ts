import { z } from 'zod';

const completionSchema = z.looseObject({
  object: z.literal('chat.completion'),
  choices: z.array(z.looseObject({ message: z.looseObject({}) })),
});

/** A whole chat completion as the one chunk of a stream, for a client that asked for chunks and whose model has none. */
export function asChunk(output: unknown): unknown {
  const completion = completionSchema.safeParse(output);
  if (!completion.success) return output;
  const choices = completion.data.choices.map(({ message, ...choice }) => ({ ...choice, delta: message }));
  return { ...completion.data, object: 'chat.completion.chunk', choices };
}
