import { createParser } from 'eventsource-parser';

/** The last payload of a stream in OpenAI's manner: nothing follows. */
export const donePayload = '[DONE]';

/**
 * Turns the bytes of server-sent events into whole data payloads, in order, however the bytes were split: inside a
 * line or inside a UTF-8 character. Comments and other fields are dropped.
 */
export class EventPayloads {
  private ready: string[] = [];
  private readonly parser = createParser({ onEvent: ({ data }) => this.ready.push(data) });
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  /** Whether the bytes so far ended between two characters. */
  private isBetween = true;

  /** Those that end in this chunk. */
  feed(chunk: Uint8Array): readonly string[] {
    this.parser.feed(this.textOf(chunk));
    return this.take();
  }

  /** A last event without its empty line still counts: the server closed instead. */
  end(): readonly string[] {
    this.parser.feed(`${this.decoder.decode()}\n\n`);
    return this.take();
  }

  /** The decoder is asked only where it must remember the first half of a character. */
  private textOf(chunk: Uint8Array): string {
    const wasBetween = this.isBetween;
    this.isBetween = chunk.length === 0 ? wasBetween : (chunk[chunk.length - 1] ?? 0) < 0x80;
    if (!wasBetween || !this.isBetween) return this.decoder.decode(chunk, { stream: true });
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    return bytes.toString('utf8');
  }

  private take(): readonly string[] {
    const ready = this.ready;
    if (ready.length > 0) this.ready = [];
    return ready;
  }
}
