import type { TakeChunk } from './chunk-handover.ts';
import { UpstreamBody } from './upstream-body.ts';

/**
 * Hands over every chunk of a body; resolves with its end, or when no more is wanted.
 * @throws what `take` throws, or what broke the body
 */
export async function eachChunk(body: AsyncIterable<Uint8Array>, take: TakeChunk): Promise<void> {
  if (body instanceof UpstreamBody) return body.each(take);
  for await (const chunk of body) {
    const verdict = take(chunk);
    if ((verdict instanceof Promise ? await verdict : verdict) === 'stop') return;
  }
}
