/** Repeats until Ctrl-C or SIGTERM; what `step` is doing then is not waited for when it heeds the signal. */
export async function untilInterrupted(step: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const interrupted = new AbortController();
  const stop = () => interrupted.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    while (!interrupted.signal.aborted) await step(interrupted.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
