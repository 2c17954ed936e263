import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SignedLinks } from '../../../src/platform/signed-links.ts';
import { linkSecret } from '../../../src/roof/link-secret.ts';
import { aRecord } from '../../fakes/a-record.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

test('a Redis that refuses at the start is asked again until it tells the secret of links', async () => {
  const clock = new FakeClock();
  const redis = {
    refuses: true,
    get: async () => (redis.refuses ? Promise.reject(new Error('OOM')) : 'secret'),
  };
  const links = new SignedLinks();
  const service = linkSecret(redis as never, links, clock);
  const started = service.start();
  await clock.advance(2000);
  await started;
  assert.throws(() => links.queryOf(aRecord(), 0), { code: 'queue_unavailable' });
  redis.refuses = false;
  await clock.advance(5000);
  assert.match(links.queryOf(aRecord(), 0), /^exp=\d+&sig=/);
  await service.stop(AbortSignal.abort());
});
