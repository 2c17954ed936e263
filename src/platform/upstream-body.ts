import { ChunkHandover, type HandedBody, type TakeChunk } from './chunk-handover.ts';

/** The connection behind a body. */
export interface BodySource {
  pause(): void;
  resume(): void;
  /** Closes the connection. */
  abort(reason: Error): void;
}

/** What may lie here unread; beyond it the connection is held up. */
const mostHeldBytes = 65_536;

const unread = new Error('nobody reads the rest of the body');
const utf8 = new TextDecoder();

/**
 * The body of a response, for one reader. A model sends a chunk for every token: `each` hands them over without a
 * stream or a promise between.
 */
export class UpstreamBody implements AsyncIterable<Uint8Array>, HandedBody {
  private readonly source: BodySource;
  private readonly onRead: () => void;
  private held: Uint8Array[] = [];
  private heldBytes = 0;
  private isWhole = false;
  private isDropped = false;
  private isRead = false;
  private broken: { readonly error: unknown } | null = null;
  /** The reader hears that something came, or that it ended. */
  private onNews: () => void = () => {};

  /** @param onRead called when all has come and is read: nothing can break it off any more */
  constructor(source: BodySource, onRead: () => void = () => {}) {
    this.source = source;
    this.onRead = onRead;
  }

  /** A chunk arrived. */
  push(chunk: Uint8Array): void {
    if (this.isDropped) return;
    this.held.push(chunk);
    this.heldBytes += chunk.length;
    this.onNews();
    if (this.heldBytes > mostHeldBytes) this.source.pause();
  }

  /** All of it has arrived. */
  finish(): void {
    this.isWhole = true;
    if (this.isRead) this.onRead();
    else this.onNews();
  }

  /** It breaks off, although it may have arrived whole: the reader hears of it at once, and gets no more. */
  fail(error: unknown): void {
    if (this.isRead) return;
    this.broken = { error };
    this.drop();
    this.onNews();
  }

  /**
   * Hands over every chunk, one after another; resolves with the end, or when no more is wanted.
   * @throws what `take` throws, or what broke the body, also while a chunk is dealt with
   */
  each(take: TakeChunk): Promise<void> {
    return new Promise((resolve, reject) => {
      const handover = new ChunkHandover(this, take, { resolve, reject });
      this.onNews = () => handover.deal();
      handover.deal();
    });
  }

  /** All of it, read as UTF-8. @throws what broke the body */
  async text(): Promise<string> {
    const chunks: Uint8Array[] = [];
    await this.each((chunk) => void chunks.push(chunk));
    return utf8.decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
  }

  /** Leaving the loop closes the connection. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = this.next();
        if (chunk !== null) yield chunk;
        else if (this.isOver) return;
        else await new Promise<void>((resolve) => (this.onNews = resolve));
      }
    } finally {
      this.close();
    }
  }

  // For its reader:

  get isOver(): boolean {
    return this.isWhole && this.held.length === 0;
  }

  check(): void {
    if (this.broken !== null) throw this.broken.error;
  }

  next(): Uint8Array | null {
    this.check();
    const chunk = this.held.shift();
    if (chunk === undefined) return null;
    const wasFull = this.heldBytes > mostHeldBytes;
    this.heldBytes -= chunk.length;
    if (wasFull && this.heldBytes <= mostHeldBytes) this.resume();
    return chunk;
  }

  pause(): void {
    this.source.pause();
  }

  /** Once all has come, the connection serves others. */
  resume(): void {
    if (!this.isWhole && this.broken === null) this.source.resume();
  }

  /** The rest is not wanted, but the connection is. */
  ignoreRest(): void {
    this.drop();
    this.resume();
    this.leave();
  }

  /** No more is read. Where more would come, the connection is closed. */
  close(): void {
    this.drop();
    if (!this.isWhole && this.broken === null && !this.isRead) this.source.abort(unread);
    this.leave();
  }

  private leave(): void {
    if (this.isRead) return;
    this.isRead = true;
    this.onNews = () => {};
    if (this.isWhole) this.onRead();
  }

  private drop(): void {
    this.isDropped = true;
    this.held = [];
    this.heldBytes = 0;
  }
}
