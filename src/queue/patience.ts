import { setTimeout as sleep } from 'node:timers/promises';

/** The value, or `late` when it takes longer; a value that arrives late goes to `whenLate`. Rejections pass through. */
export function within<Value, Late>(
  promise: Promise<Value>,
  timeoutMs: number,
  late: Late,
  whenLate: (value: Value) => void = () => undefined,
): Promise<Value | Late> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      resolve(late);
    }, timeoutMs);
    timer.unref();
    promise.then(
      (value) => {
        clearTimeout(timer);
        if (isLate) whenLate(value);
        else resolve(value);
      },
      (error: Error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** Tries again until it works: for what must be stored and can be repeated. Gives up when `isOver`. */
export async function untilDone<Value>(
  call: () => Promise<Value>,
  isOver: () => boolean,
  onError: (error: Error) => void,
  pauseMs = 500,
): Promise<Value | null> {
  while (!isOver()) {
    try {
      return await call();
    } catch (error) {
      onError(error as Error);
      await sleep(pauseMs);
    }
  }
  return null;
}

/** Waits for the promise, at most until the deadline. */
export async function orAborted(promise: Promise<unknown>, deadline: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  if (deadline.aborted) over.resolve();
  deadline.addEventListener('abort', () => over.resolve(), { once: true });
  await Promise.race([promise, over.promise]);
}
