import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/**
 * Sends a body as it is read. A client that leaves ends it quietly.
 * @throws what kept the source from being read to its end; the client sees a body that breaks off
 */
export async function sendBytes(content: Readable, response: ServerResponse): Promise<void> {
  if (response.destroyed) return void content.destroy();
  try {
    await pipeline(content, response);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE' || !response.destroyed)
      throw error;
  }
}
