import { Ledger } from '../platform/ledger.ts';

/** Made once: an error for each would cost more than the rest of its end. */
const released = new Error('the attempt is over');

/** Who follows a signal that outlives them. */
const followers = new WeakMap<AbortSignal, Ledger<number, JoinedSignal>>();
let made = 0;

/** One signal for several, until it is released: then it aborts itself, and follows none of them any more. */
export class JoinedSignal {
  private readonly number = ++made;
  private readonly controller = new AbortController();
  private lasting: readonly AbortSignal[] = [];

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /**
   * From now on it aborts with the reason of the first of them that aborts.
   * @param passing signals that end when it does
   * @param lasting signals that outlive it
   */
  join(passing: readonly AbortSignal[], lasting: readonly AbortSignal[]): void {
    const over = [...passing, ...lasting].find(({ aborted }) => aborted);
    if (over !== undefined) return void this.abort(over.reason);
    for (const each of passing) each.addEventListener('abort', this);
    this.lasting = lasting;
    for (const each of lasting) followersOf(each).set(this.number, this);
  }

  /** A signal that it listens to has aborted. */
  handleEvent({ target }: Event): void {
    this.abort((target as AbortSignal).reason);
  }

  abort(reason: unknown): void {
    for (const each of this.lasting) followersOf(each).delete(this.number);
    this.lasting = [];
    this.controller.abort(reason);
  }

  release(): void {
    this.abort(released);
  }
}

/**
 * A listener that was removed from a signal goes on pointing at the next one, and so keeps every attempt since then until
 * the next full collection.
 */
function followersOf(signal: AbortSignal): Ledger<number, JoinedSignal> {
  const known = followers.get(signal);
  if (known !== undefined) return known;
  const mine = new Ledger<number, JoinedSignal>();
  followers.set(signal, mine);
  signal.addEventListener('abort', () => {
    for (const each of mine.values()) each.abort(signal.reason);
  });
  return mine;
}
