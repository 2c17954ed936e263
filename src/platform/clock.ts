/** Time, handed in: production takes `systemClock`, tests one that they move themselves. */
export interface Clock {
  /** Epoch ms. */
  now(): number;
  /** Ms from an arbitrary point, never set back: for durations. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs `run` once after `ms`; does not keep the process alive. Returns what cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** Node fires a timer with a longer delay at once. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep(ms, signal) {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const cancel = startTimer(ms, finish, true);
      signal?.addEventListener('abort', finish, { once: true });
      function finish(): void {
        cancel();
        signal?.removeEventListener('abort', finish);
        resolve();
      }
    });
  },
  after: (ms, run) => startTimer(ms, run, false),
};

function startTimer(ms: number, run: () => void, isKeepingAlive: boolean): () => void {
  let timer: NodeJS.Timeout;
  const arm = (restMs: number): void => {
    const stepMs = Math.min(restMs, longestTimerMs);
    timer = setTimeout(() => (restMs > stepMs ? arm(restMs - stepMs) : run()), stepMs);
    if (!isKeepingAlive) timer.unref();
  };
  arm(Math.max(0, ms));
  return () => clearTimeout(timer);
}
