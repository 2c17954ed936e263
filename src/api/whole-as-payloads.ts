import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { JobRecord } from '../contracts/job.ts';
import { isMediaOutput } from '../contracts/media-output.ts';
import { inlineJson } from './inline-json.ts';
import type { ArtifactSource } from './ports.ts';

const completionSchema = z.looseObject({
  object: z.literal('chat.completion'),
  choices: z.array(z.looseObject({ message: z.looseObject({}) })),
});

/** What the last event of a stream carries besides its type; the paths whose events are typed. */
const lastEvents: Readonly<Record<string, (output: object) => object>> = {
  '/v1/responses': (response) => ({ type: 'response.completed', response }),
  '/v1/audio/transcriptions': (output) => ({ ...output, type: 'transcript.text.done' }),
};

const imageEvents: Readonly<Record<string, string>> = {
  '/v1/images/generations': 'image_generation.completed',
  '/v1/images/edits': 'image_edit.completed',
};

/**
 * A whole answer as the payloads of a stream, for a client that asked for events and whose model has none.
 * @throws content_expired
 */
export async function wholeAsPayloads(
  artifacts: ArtifactSource,
  record: JobRecord,
): Promise<readonly string[]> {
  const { endpoint, output } = record;
  if (isMediaOutput(endpoint, output)) return imagePayloads(artifacts, record);
  const event = typeof output === 'object' && output !== null ? lastEvents[endpoint]?.(output) : undefined;
  return [JSON.stringify(event ?? asChunk(output))];
}

async function imagePayloads(artifacts: ArtifactSource, record: JobRecord): Promise<readonly string[]> {
  const { content } = await inlineJson(artifacts, record);
  const { data, created, ...rest } = JSON.parse(await text(content)) as {
    readonly data: readonly object[];
    readonly created?: number;
  };
  const type = imageEvents[record.endpoint];
  return data.map((item) => JSON.stringify({ type, created_at: created, ...rest, ...item }));
}

/** A chat completion as the one chunk of a stream. */
function asChunk(output: unknown): unknown {
  const completion = completionSchema.safeParse(output);
  if (!completion.success) return output;
  const choices = completion.data.choices.map(({ message, ...choice }) => ({ ...choice, delta: message }));
  return { ...completion.data, object: 'chat.completion.chunk', choices };
}
