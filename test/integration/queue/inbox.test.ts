import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InboxId } from '../../../src/contracts/ids.ts';
import type { JobMessage } from '../../../src/contracts/job.ts';
import type { RedisJobInbox } from '../../../src/queue/inbox.ts';
import { keys } from '../../../src/queue/keys.ts';
import { aJob, model } from '../../helpers/jobs.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';

const roomy = { queueCap: 1000, retryAfterS: 5 };
const result = { output: { text: 'hi' }, files: [], usage: null };

/** All messages of a job until it is settled. */
function untilSettled(inbox: RedisJobInbox, jobId: JobMessage['jobId']): Promise<JobMessage[]> {
  const messages: JobMessage[] = [];
  return new Promise((resolve) => {
    inbox.subscribe(jobId, (message) => {
      messages.push(message);
      if (message.type === 'settled') resolve(messages);
    });
  });
}

for (const where of ['another process', 'the same process'] as const) {
  test(`messages reach an inbox in ${where} whole and in order, the end after the last chunk`, async () => {
    await using house = await QueueHouse.open();
    const store = await house.store();
    const inbox = await house.inbox();
    const { lanes, channel } = await house.worker();
    if (where === 'the same process') channel.attachLocal(inbox);
    const job = aJob({ inboxId: inbox.id, stream: true });
    const all = untilSettled(inbox, job.id);
    await store.submit(job, roomy);
    const claim = await lanes.claim(model('echo'), 'normal');
    assert.ok(claim);
    for (let seq = 0; seq < 1500; seq++) {
      channel.send(inbox.id, { type: 'chunk', jobId: job.id, attempt: 1, seq, data: [`token ${seq} ü`] });
    }
    await claim.settle({ kind: 'completed', result });
    const messages = await all;
    assert.deepEqual(messages[0], { type: 'started', jobId: job.id, attempt: 1 });
    const chunks = messages.filter((message) => message.type === 'chunk');
    assert.deepEqual(
      chunks.map(({ seq }) => seq),
      Array.from({ length: 1500 }, (_, seq) => seq),
    );
    assert.deepEqual(chunks[7]?.data, ['token 7 ü']);
    assert.deepEqual(messages.at(-1), { type: 'settled', jobId: job.id, status: 'completed' });
  });
}

test('an image on its way to another process is in Redis no longer than its way takes', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const inbox = await house.inbox();
  const { lanes, channel, redis } = await house.worker();
  const job = aJob({ inboxId: inbox.id, stream: true });
  const all = untilSettled(inbox, job.id);
  await store.submit(job, roomy);
  const claim = await lanes.claim(model('echo'), 'normal');
  const image = 'x'.repeat(100_000);
  channel.send(inbox.id, { type: 'chunk', jobId: job.id, attempt: 1, seq: 0, data: ['token'] });
  channel.send(inbox.id, { type: 'chunk', jobId: job.id, attempt: 1, seq: 1, data: [image] });
  await claim?.settle({ kind: 'completed', result });
  const chunks = (await all).filter((message) => message.type === 'chunk');
  assert.deepEqual(
    chunks.flatMap(({ data }) => data),
    ['token', image],
  );
  let kept: [string, string[]][];
  do kept = await redis.xrange(keys.inbox(inbox.id), '-', '+');
  while (kept.some(([, fields]) => fields.some((text) => text.includes(image))));
  assert.ok(kept.some(([, fields]) => fields.some((text) => text.includes('token'))));
});

test('an API process that did not accept the job hears of its end as well', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const [accepting, other] = [await house.inbox(), await house.inbox()];
  const { lanes } = await house.worker();
  const job = aJob({ inboxId: accepting.id });
  const ends = [untilSettled(accepting, job.id), untilSettled(other, job.id)];
  await store.submit(job, roomy);
  await (await lanes.claim(model('echo'), 'normal'))?.settle({ kind: 'completed', result });
  const [atAccepting, atOther] = await Promise.all(ends);
  assert.equal(atAccepting?.filter(({ type }) => type === 'settled').length, 1);
  assert.deepEqual(atOther, [{ type: 'settled', jobId: job.id, status: 'completed' }]);
});

test('the end of a job that never ran is told, too', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const inbox = await house.inbox();
  const job = aJob({ inboxId: inbox.id });
  const end = untilSettled(inbox, job.id);
  await store.submit(job, roomy);
  await store.cancel(job.id, 'asked');
  assert.deepEqual(await end, [{ type: 'settled', jobId: job.id, status: 'cancelled' }]);
});

test('a retried attempt is told with its error', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const inbox = await house.inbox();
  const { lanes } = await house.worker();
  const job = aJob({ inboxId: inbox.id });
  await store.submit(job, roomy);
  const requeued = new Promise<JobMessage>((resolve) => {
    inbox.subscribe(job.id, (message) => {
      if (message.type === 'requeued') resolve(message);
    });
  });
  const error = { message: 'gone', type: 'server_error', param: null, code: 'model_crashed' };
  await (await lanes.claim(model('echo'), 'normal'))?.settle({ kind: 'retry', error });
  assert.deepEqual(await requeued, { type: 'requeued', jobId: job.id, attempt: 1, error });
});

test('after an outage the messages that were under way arrive', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const inbox = await house.inbox();
  const { lanes, channel } = await house.worker();
  const job = aJob({ inboxId: inbox.id });
  const all = untilSettled(inbox, job.id);
  await store.submit(job, roomy);
  const claim = await lanes.claim(model('echo'), 'normal');
  await house.redis.kill();
  await house.events.next('redis.unreachable');
  channel.send(inbox.id, { type: 'chunk', jobId: job.id, attempt: 1, seq: 0, data: ['late'] });
  const settled = claim?.settle({ kind: 'completed', result });
  await house.redis.up();
  await settled;
  assert.deepEqual((await all).map(({ type }) => type).slice(-2), ['chunk', 'settled']);
});

test('progress is kept in the record and told, a new phase at once', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store();
  const inbox = await house.inbox();
  const { lanes, channel } = await house.worker();
  const job = aJob({ inboxId: inbox.id });
  const all = untilSettled(inbox, job.id);
  await store.submit(job, roomy);
  const claim = await lanes.claim(model('echo'), 'normal');
  assert.ok(claim);
  channel.progress(claim.record, 10, 'generating');
  channel.progress(claim.record, 11, 'generating');
  channel.progress(claim.record, 90, 'saving');
  // Commands of one connection are done in order: when this one is, so are those.
  await lanes.snapshot();
  const record = await store.find(job.id);
  assert.ok(record && record !== 'expired');
  assert.deepEqual([record.progress, record.phase], [90, 'saving']);
  await claim.settle({ kind: 'completed', result });
  const told = (await all).filter((message) => message.type === 'progress');
  assert.deepEqual(
    told.map(({ progress, phase }) => [progress, phase]),
    [
      [10, 'generating'],
      [90, 'saving'],
    ],
  );
});

test('a worker knows when the API process behind an inbox is gone', async () => {
  await using house = await QueueHouse.open();
  const inbox = await house.inbox();
  const { channel } = await house.worker();
  assert.equal(await channel.inboxAlive(inbox.id), true);
  const gone = 'in_gone' as InboxId;
  assert.equal(await channel.inboxAlive(gone), true);
  house.clock.aheadMs = 6000;
  assert.equal(await channel.inboxAlive(gone), false);
  assert.equal(await channel.inboxAlive(inbox.id), true);
});

test('messages to an inbox that is gone leave nothing behind', async () => {
  await using house = await QueueHouse.open();
  const { channel, lanes, redis } = await house.worker();
  channel.send('in_gone' as InboxId, { type: 'settled', jobId: aJob().id, status: 'completed' });
  await lanes.snapshot();
  assert.equal(await redis.exists('{roundhouse}:inbox:in_gone'), 0);
});
