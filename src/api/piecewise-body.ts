import type { ServerResponse } from 'node:http';

/**
 * The body of a response that comes in many small pieces. Node writes a piece of a chunked body in four parts; here
 * it is one, which saves half of what sending a token costs.
 */
export class PiecewiseBody {
  private readonly response: ServerResponse;
  private hasBegun = false;

  constructor(response: ServerResponse) {
    this.response = response;
  }

  /** The first piece takes the headers along. Nothing may be written after the response has ended. */
  write(text: string): void {
    const { socket, chunkedEncoding, writableEnded } = this.response;
    // Without a socket the connection is still busy with the response before this one, or gone.
    if (this.hasBegun && chunkedEncoding && !writableEnded && socket?.writable && text !== '') {
      socket.write(framed(text));
    } else {
      this.hasBegun = true;
      this.response.write(text);
    }
  }
}

/** One chunk, as RFC 9112 §7.1 has it; an empty one would end the body. */
const framed = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
