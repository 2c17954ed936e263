import { errors } from '../contracts/error-catalogue.ts';
import { RoundhouseError } from '../contracts/errors.ts';

const connectionTrouble =
  /ECONN|ENOENT|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN|timed out|isn't writeable|Connection is closed|LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|NOAUTH|WRONGPASS|max retries per request/;

/** What a client may hear of a failed command: unreachable, disk full, memory full, or a fault of our own. */
export function queueError(error: unknown): RoundhouseError {
  if (error instanceof RoundhouseError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes('MISCONF')) return errors.storageFull('the queue cannot write to its disk');
  if (message.includes('OOM command not allowed'))
    return errors.storageFull('the memory of the queue is full');
  if (connectionTrouble.test(message)) return errors.queueUnavailable(message);
  return errors.internal(error);
}

/** Runs a call to Redis; whatever fails becomes a RoundhouseError. */
export async function asQueueErrors<Value>(call: () => Promise<Value>): Promise<Value> {
  try {
    return await call();
  } catch (error) {
    throw queueError(error);
  }
}
