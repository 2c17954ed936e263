import { errors } from '../contracts/error-catalogue.ts';
import { RoundhouseError } from '../contracts/errors.ts';

/** What a failed command means, first match first; a client hears these words and not the library's. */
const troubles: readonly (readonly [RegExp, string])[] = [
  [/timed out|ETIMEDOUT/, 'Redis does not answer'],
  [/LOADING/, 'Redis is still reading its data'],
  [/READONLY|MASTERDOWN|CLUSTERDOWN/, 'this Redis takes no writes now'],
  [/NOAUTH|WRONGPASS/, 'Redis refuses the password in REDIS_URL'],
  [
    /ECONN|ENOENT|EPIPE|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN|isn't writeable|Connection is closed|max retries per request/,
    'there is no connection to Redis',
  ],
];

/** What a client may hear of a failed command: unreachable, disk full, memory full, or a fault of our own. */
export function queueError(error: unknown): RoundhouseError {
  if (error instanceof RoundhouseError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes('MISCONF')) return errors.storageFull('the queue cannot write to its disk');
  if (message.includes('OOM command not allowed'))
    return errors.storageFull('the memory of the queue is full');
  const trouble = troubles.find(([pattern]) => pattern.test(message));
  return trouble === undefined ? errors.internal(error) : errors.queueUnavailable(trouble[1]);
}

/** Runs a call to Redis; whatever fails becomes a RoundhouseError. */
export async function asQueueErrors<Value>(call: () => Promise<Value>): Promise<Value> {
  try {
    return await call();
  } catch (error) {
    throw queueError(error);
  }
}
