import type { Clock } from '../platform/clock.ts';
import { makeToken } from '../platform/secret-file.ts';
import type { Service } from '../platform/service.ts';
import type { SignedLinks } from '../platform/signed-links.ts';
import { sharedSecret } from '../queue/shared-secret.ts';
import type { WorkerConnection } from './ground-floor.ts';

const patienceMs = 2000;
const retryMs = 5000;

/**
 * Gives links their secret, the same on every API of one Redis. The start does not wait long for a Redis that is away,
 * full or read-only; it is asked again until it answers.
 */
export function linkSecret(redis: WorkerConnection, links: SignedLinks, clock: Clock): Service {
  const stopped = new AbortController();
  const learn = async () => {
    while (!stopped.signal.aborted) {
      try {
        return links.use(await sharedSecret(redis, 'links', makeToken));
      } catch {
        await clock.sleep(retryMs, stopped.signal);
      }
    }
  };
  return {
    name: 'link secret',
    start: () => Promise.race([learn(), clock.sleep(patienceMs, stopped.signal)]),
    stop: async () => stopped.abort(),
  };
}
