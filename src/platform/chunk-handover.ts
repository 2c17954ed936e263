/** `stop`: no more of it is wanted. A promise holds the body up until it is settled. */
export type ChunkVerdict = 'stop' | undefined;
export type TakeChunk = (chunk: Uint8Array) => ChunkVerdict | Promise<ChunkVerdict>;

/** What a handover needs of the body. */
export interface HandedBody {
  readonly isOver: boolean;
  /** @throws what broke it */
  check(): void;
  /** null: nothing lies here. @throws what broke it */
  next(): Uint8Array | null;
  pause(): void;
  resume(): void;
  ignoreRest(): void;
  close(): void;
}

/** Where a handover ends. */
interface Ends {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Hands the chunks of a body to one taker, each when the one before it is dealt with. */
export class ChunkHandover {
  private readonly body: HandedBody;
  private readonly take: TakeChunk;
  private readonly ends: Ends;
  private isBusy = false;
  private hasEnded = false;

  constructor(body: HandedBody, take: TakeChunk, ends: Ends) {
    this.body = body;
    this.take = take;
    this.ends = ends;
  }

  /** Something came, or the body ended. */
  deal(): void {
    try {
      for (let chunk = this.next(); chunk !== null; chunk = this.next()) this.heed(this.take(chunk));
    } catch (error) {
      this.fail(error);
    }
  }

  /** null: there is none, or it has to wait. @throws what broke the body, even while a chunk is dealt with */
  private next(): Uint8Array | null {
    if (this.hasEnded) return null;
    if (this.isBusy) {
      this.body.check();
      return null;
    }
    this.isBusy = true; // what comes while the connection is resumed comes behind
    const chunk = this.body.next();
    if (chunk !== null) return chunk;
    this.isBusy = false;
    if (this.body.isOver) this.finish();
    return null;
  }

  private heed(verdict: ReturnType<TakeChunk>): void {
    if (verdict instanceof Promise) this.wait(verdict);
    else if (verdict === 'stop') this.stop();
    else this.isBusy = false;
  }

  private wait(verdict: Promise<ChunkVerdict>): void {
    this.body.pause();
    verdict.then(
      (late) => {
        if (this.hasEnded) return;
        this.heed(late);
        if (!this.hasEnded) this.body.resume();
        this.deal();
      },
      (error) => this.fail(error),
    );
  }

  private finish(): void {
    this.hasEnded = true;
    this.body.close();
    this.ends.resolve();
  }

  private stop(): void {
    this.hasEnded = true;
    this.body.ignoreRest();
    // Its end may be a moment away: then the connection can be used again.
    setImmediate(this.ends.resolve);
  }

  private fail(error: unknown): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.body.close();
    this.ends.reject(error);
  }
}
