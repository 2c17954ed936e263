const stopSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
export type StopSignal = (typeof stopSignals)[number];

/**
 * Resolves with the first signal that asks this process to stop. A second one ends it at once: the launchers see that
 * and end every model server.
 */
export function nextSignal(): Promise<StopSignal> {
  return new Promise((resolve) => {
    for (const signal of stopSignals) {
      process.once(signal, () => {
        resolve(signal);
        for (const each of stopSignals) {
          process.removeAllListeners(each);
          process.once(each, endAtOnce);
        }
      });
    }
  });
}

const endAtOnce = (): void => void process.kill(process.pid, 'SIGKILL');
