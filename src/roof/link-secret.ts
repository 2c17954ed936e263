import { setTimeout as sleep } from 'node:timers/promises';
import { makeToken } from '../platform/secret-file.ts';
import type { Service } from '../platform/service.ts';
import type { SignedLinks } from '../platform/signed-links.ts';
import { sharedSecret } from '../queue/shared-secret.ts';
import type { WorkerConnection } from './ground-floor.ts';

const patienceMs = 2000;

/** Gives links their secret, the same on every API of one Redis; does not wait long for a Redis that is away. */
export function linkSecret(redis: WorkerConnection, links: SignedLinks): Service {
  const known = sharedSecret(redis, 'links', makeToken).then(
    (secret) => links.use(secret),
    () => undefined,
  );
  return {
    name: 'link secret',
    start: () => Promise.race([known, sleep(patienceMs, undefined, { ref: false })]),
    stop: async () => {},
  };
}
