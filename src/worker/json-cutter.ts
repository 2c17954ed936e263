/** The text of a JSON answer up to the next file in it, or up to its end. */
export interface JsonText {
  /** Bytes as Latin-1, to be decoded once all of the text is there. */
  readonly text: string;
  readonly isFileNext: boolean;
}

/** The answer is not what can be cut; the message says why. */
export class BadJson extends Error {}

/** Quotes inside of a JSON string are escaped, so that this is a key and nothing else. */
const fileKey = /"b64_json"\s{0,16}:\s{0,16}"/;
const longestKeyChars = 48;

/**
 * Takes files out of JSON as it arrives: `text()`, then `file()` when one is next, and so on. What stands for the file in
 * the text is for the caller to add; no more than a chunk of a file is ever held.
 */
export class JsonCutter {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private readonly mostTextChars: number;
  private held = '';
  private textChars = 0;

  constructor(bytes: AsyncIterable<Uint8Array>, mostTextChars: number) {
    this.chunks = bytes[Symbol.asyncIterator]();
    this.mostTextChars = mostTextChars;
  }

  /** @throws BadJson when the text is too long */
  async text(): Promise<JsonText> {
    let text = '';
    for (;;) {
      const key = fileKey.exec(this.held);
      const end = key === null ? Math.max(0, this.held.length - longestKeyChars) : key.index;
      text += this.held.slice(0, end);
      this.held = this.held.slice(key === null ? end : end + key[0].length);
      this.count(end);
      if (key !== null) return { text, isFileNext: true };
      if (await this.more()) continue;
      text += this.held;
      return { text, isFileNext: false };
    }
  }

  /** @throws BadJson when the answer ends within it */
  async *file(): AsyncGenerator<Uint8Array> {
    let rest = '';
    for (;;) {
      const end = this.held.indexOf('"');
      // JSON may escape the slash, which is the only sign of base64 that it may.
      const base64 = rest + (end === -1 ? this.held : this.held.slice(0, end)).replaceAll('\\', '');
      this.held = end === -1 ? '' : this.held.slice(end + 1);
      const whole = end === -1 ? base64.length - (base64.length % 4) : base64.length;
      rest = base64.slice(whole);
      if (whole > 0) yield Buffer.from(base64.slice(0, whole), 'base64');
      if (end !== -1) return;
      if (!(await this.more())) throw new BadJson('it ends within a file');
    }
  }

  private async more(): Promise<boolean> {
    const { done, value } = await this.chunks.next();
    if (done) return false;
    this.held += Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1');
    return true;
  }

  private count(chars: number): void {
    this.textChars += chars;
    if (this.textChars > this.mostTextChars)
      throw new BadJson(`over ${this.mostTextChars} characters beside its files`);
  }
}
