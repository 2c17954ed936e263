import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { SignedLinks } from '../../../src/platform/signed-links.ts';
import { linkSecret } from '../../../src/roof/link-secret.ts';
import { aRecord } from '../../fakes/a-record.ts';

test('a Redis that refuses at the start is asked again until it tells the secret of links', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const redis = {
    refuses: true,
    get: async () => (redis.refuses ? Promise.reject(new Error('OOM')) : 'secret'),
  };
  const links = new SignedLinks();
  const service = linkSecret(redis as never, links);
  const started = service.start();
  await turn();
  t.mock.timers.tick(2000);
  await started;
  assert.throws(() => links.queryOf(aRecord(), 0), { code: 'queue_unavailable' });
  redis.refuses = false;
  t.mock.timers.tick(5000);
  await turn();
  assert.match(links.queryOf(aRecord(), 0), /^exp=\d+&sig=/);
  await service.stop(AbortSignal.abort());
});
