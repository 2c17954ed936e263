import assert from 'node:assert/strict';

/** Reads a stream of server-sent events block by block, byte for byte as it came. */
export class SseReader {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });
  private text = '';

  constructor(response: Response) {
    assert.ok(response.body);
    this.chunks = response.body[Symbol.asyncIterator]();
  }

  /** The next block without its empty line; null at the end of the stream. */
  async next(): Promise<string | null> {
    for (;;) {
      const end = this.text.indexOf('\n\n');
      if (end !== -1) {
        const block = this.text.slice(0, end);
        this.text = this.text.slice(end + 2);
        return block;
      }
      const { done, value } = await this.chunks.next();
      if (done) {
        assert.equal(this.text, '', 'the stream ends inside of an event');
        return null;
      }
      this.text += this.decoder.decode(value, { stream: true });
    }
  }

  /** All blocks up to the end. */
  async rest(): Promise<string[]> {
    const blocks: string[] = [];
    for (let block = await this.next(); block !== null; block = await this.next()) blocks.push(block);
    return blocks;
  }
}
