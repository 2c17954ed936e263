/** One signal for several, until it is released: then it aborts itself, and listens to none of them any more. */
export interface JoinedSignal {
  readonly signal: AbortSignal;
  release(): void;
}

/** Made once: an error for each would cost more than the rest of its end. */
const released = new Error('the attempt is over');

/**
 * Aborts with the reason of the first of them that aborts. `AbortSignal.any` does the same at ten times the cost, and
 * leaves something behind at every signal that outlives it.
 */
export function joinSignals(signals: readonly AbortSignal[]): JoinedSignal {
  const joined = new AbortController();
  const leave = () => {
    for (const each of signals) each.removeEventListener('abort', end);
  };
  function end(this: AbortSignal): void {
    leave();
    joined.abort(this.reason);
  }
  const over = signals.find(({ aborted }) => aborted);
  if (over !== undefined) joined.abort(over.reason);
  else for (const each of signals) each.addEventListener('abort', end);
  const release = () => {
    leave();
    joined.abort(released);
  };
  return { signal: joined.signal, release };
}
