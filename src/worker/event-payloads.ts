import { createParser } from 'eventsource-parser';

/** The last payload of a stream in OpenAI's manner: nothing follows. */
export const donePayload = '[DONE]';

/**
 * Turns the bytes of server-sent events into whole data payloads, in order, however the bytes were split: inside a
 * line or inside a UTF-8 character. Comments and other fields are dropped.
 */
export async function* eventPayloads(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[]> {
  let ready: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => ready.push(data) });
  const decoder = new TextDecoder();
  for await (const chunk of bytes) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    if (ready.length === 0) continue;
    yield ready;
    ready = [];
  }
  // A last event without its empty line still counts: the server closed instead.
  parser.feed(`${decoder.decode()}\n\n`);
  if (ready.length > 0) yield ready;
}
