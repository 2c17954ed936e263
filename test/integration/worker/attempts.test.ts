import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { FastClock } from '../../../bench/replay/fast-clock.ts';
import type { JobId } from '../../../src/contracts/ids.ts';
import type { JobMessage } from '../../../src/contracts/job.ts';
import { WorkerHouse } from './worker-house.ts';

interface Answer {
  readonly choices: readonly [{ readonly message: { readonly content: string } }];
}
const textOf = ({ output }: { readonly output: unknown }): string =>
  (output as Answer).choices[0].message.content;

test('a chat is answered as JSON, with its usage', async (t) => {
  await using house = await WorkerHouse.open(t, { chat: {} });
  const record = await house.ended(await house.submit('chat', 'how are you'));
  assert.deepEqual([record.status, textOf(record), record.attempts], ['completed', 'echo: how are you', 1]);
  assert.deepEqual(record.usage, { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 });
});

test('speech becomes a WAV file in the artifacts, beside a chat that it is swapped with', async (t) => {
  const speech = { type: 'speech', endpoints: ['/v1/audio/speech'] } as const;
  await using house = await WorkerHouse.open(t, { chat: {}, voice: { args: { tokens: 3 }, spec: speech } });
  const chat = await house.submit('chat', 'hello');
  const id = await house.submit('voice', 'hello', { endpoint: '/v1/audio/speech', modelType: 'speech' });
  assert.equal((await house.ended(chat)).status, 'completed');
  const { files, output } = await house.ended(id);
  assert.deepEqual([output, files.length, files[0]?.contentType], [null, 1, 'audio/wav']);
  const stream = await house.artifacts.open(id, 0);
  assert.ok(stream !== null);
  const wav = await buffer(stream);
  assert.equal(wav.length, files[0]?.bytes);
  assert.equal(wav.subarray(0, 4).toString(), 'RIFF');
});

async function streamed(house: WorkerHouse, text: string) {
  const inbox = await house.queue.inbox();
  const messages: JobMessage[] = [];
  const id = `job_${'0'.repeat(25)}1` as JobId;
  const settled = Promise.withResolvers<void>();
  inbox.subscribe(id, (message) => {
    messages.push(message);
    if (message.type === 'settled') settled.resolve();
  });
  await house.submit('chat', text, { id, stream: true, inboxId: inbox.id });
  await settled.promise;
  const payloads = (attempt: number) =>
    messages.flatMap((each) => (each.type === 'chunk' && each.attempt === attempt ? each.data : []));
  return { record: await house.record(id), messages, payloads };
}

const content = (payloads: readonly string[]): string =>
  payloads.map((payload) => JSON.parse(payload).choices[0]?.delta.content ?? '').join('');

test('a stream is relayed whole and in order, characters split across reads included, and kept', async (t) => {
  const reply = 'Grüße aus Köln – 你好 🚂 naïve '.repeat(2).trim();
  await using house = await WorkerHouse.open(t, { chat: { habit: 'split_utf8', args: { reply } } });
  const { record, payloads, messages } = await streamed(house, 'hi');
  assert.equal(content(payloads(1)), reply);
  assert.equal(textOf(record), reply);
  assert.ok(!payloads(1).includes('[DONE]'));
  const seqs = messages.flatMap((each) => (each.type === 'chunk' ? [[each.seq, each.data.length]] : []));
  let next = 0;
  for (const [seq, length] of seqs) {
    assert.equal(seq, next);
    next += length ?? 0;
  }
});

test('a stream whose server crashes in the middle begins anew in a second attempt', async (t) => {
  const args = { attempts: 1, tokens: 6 };
  await using house = await WorkerHouse.open(t, { chat: { habit: 'crash_mid_stream', args } });
  const { record, payloads, messages } = await streamed(house, 'one two three');
  assert.deepEqual([record.status, record.attempts], ['completed', 2]);
  assert.ok(content(payloads(1)).length < content(payloads(2)).length);
  assert.equal(content(payloads(2)), textOf(record));
  const requeued = messages.find((each) => each.type === 'requeued');
  assert.match(requeued?.error.message ?? '', /SIGSEGV/);
});

for (const [habit, words] of [
  ['garbage', 'JSON that is cut short'],
  ['html_502', 'a page of HTML with status 502'],
] as const) {
  test(`${words} is tried once more, then the job fails with upstream_bad_response`, async (t) => {
    await using house = await WorkerHouse.open(t, { chat: { habit } });
    const { status, attempts, error } = await house.ended(await house.submit('chat', 'x'));
    assert.deepEqual([status, attempts, error?.code], ['failed', 2, 'upstream_bad_response']);
    assert.equal(house.events.of('job.requeued').length, 1);
  });
}

test('a server that is killed in the middle of a job: it is tried once more and the next ones run', async (t) => {
  await using house = await WorkerHouse.open(t, { chat: { args: { tokens: 100, token_ms: 20 } } });
  const first = await house.submit('chat', 'a');
  const next = [await house.submit('chat', 'b'), await house.submit('chat', 'c')];
  const { pid } = await house.journal.until(({ event }) => event === 'first_token');
  process.kill(pid, 'SIGKILL');
  const records = [await house.ended(first), ...(await Promise.all(next.map((id) => house.ended(id))))];
  assert.deepEqual(
    records.map(({ status, attempts }) => [status, attempts]),
    [
      ['completed', 2],
      ['completed', 1],
      ['completed', 1],
    ],
  );
  assert.match(String(house.events.of('job.requeued')[0]?.reason), /model_crashed/);
});

const short = { firstTokenMs: 2000, interTokenMs: 2000 };
for (const [habit, what] of [
  ['hang_first_token', 'no first token'],
  ['hang_mid_stream', 'no further token'],
] as const) {
  test(`${habit}: the server is ended, its job tried once more, and other models are served`, async (t) => {
    const hanging = { habit, args: { attempts: 1, tokens: 6 }, deadlines: short };
    await using house = await WorkerHouse.open(t, { chat: hanging, other: {} });
    const hung = await house.submit('chat', 'x', { stream: true });
    await house.journal.until(({ event }) => event === 'gen_start');
    const other = await house.submit('other', 'y');
    const [first, second] = await Promise.all([house.ended(hung), house.ended(other)]);
    assert.deepEqual([first.status, first.attempts], ['completed', 2]);
    assert.deepEqual([second.status, second.attempts], ['completed', 1]);
    assert.deepEqual(
      house.events.of('server.hung').map(({ what: told }) => told),
      [what],
    );
  });
}

test('a job that hangs its server each time fails, and the jobs behind it run', async (t) => {
  const hanging = { habit: 'hang_first_token', args: { when: 'poison' }, deadlines: short };
  await using house = await WorkerHouse.open(t, { chat: hanging, other: {} });
  const poison = await house.submit('chat', 'poison');
  const behind = await house.submit('chat', 'fine');
  const other = await house.submit('other', 'y');
  const records = await Promise.all([poison, behind, other].map((id) => house.ended(id)));
  assert.deepEqual(
    records.map(({ status, error }) => [status, error?.code]),
    [
      ['failed', 'model_hung'],
      ['completed', undefined],
      ['completed', undefined],
    ],
  );
});

test('a job over its execution limit fails, and its server goes on with the next one', async (t) => {
  await using house = await WorkerHouse.open(t, { chat: { args: { token_ms: 100 } } });
  const text = 'a '.repeat(600);
  const long = await house.submit('chat', text, { executionTimeoutMs: 400 });
  const next = await house.submit('chat', 'b');
  const { status, attempts, error } = await house.ended(long);
  assert.deepEqual([status, attempts, error?.code], ['failed', 1, 'execution_timeout']);
  assert.equal((await house.ended(next)).status, 'completed');
  const [one, two] = await house.pidsOf('chat');
  assert.equal(one, two);
});

test('a cancelled job leaves its server at once, and the next one runs there', async (t) => {
  await using house = await WorkerHouse.open(t, { chat: { args: { token_ms: 100 } } });
  const long = await house.submit('chat', 'a '.repeat(600));
  const next = await house.submit('chat', 'b');
  await house.journal.until(({ event }) => event === 'first_token');
  await house.store.cancel(long, 'by a test');
  const left = house.journal.until(({ event, job }) => event === 'gen_end' && job === long);
  assert.equal((await house.ended(long)).status, 'cancelled');
  await left;
  assert.equal((await house.ended(next)).status, 'completed');
  const [one, two] = await house.pidsOf('chat');
  assert.equal(one, two);
});

test('a server that goes on with a cancelled job is ended, and the next job runs on a new one', async (t) => {
  const deaf = { habit: 'ignore_cancel', args: { when: 'long', tokens: 100, token_ms: 200 } };
  await using house = await WorkerHouse.open(t, { chat: deaf }, new FastClock(10));
  const long = await house.submit('chat', 'long', { executionTimeoutMs: 3_600_000 });
  await house.journal.until(({ event }) => event === 'first_token');
  await house.store.cancel(long, 'by a test');
  assert.equal((await house.ended(long)).status, 'cancelled');
  const killed = await house.box.events.next('server.killed');
  assert.match(String(killed.reason), /did not let go/);
  const next = await house.submit('chat', 'x', { executionTimeoutMs: 3_600_000 });
  await house.journal.until(({ event, job }) => event === 'gen_start' && job === next);
  const [one, two] = await house.pidsOf('chat');
  assert.notEqual(one, two);
});

test('a running call whose API process is dead is cancelled', async (t) => {
  await using house = await WorkerHouse.open(t, { chat: { args: { token_ms: 100 } } }, new FastClock(20));
  const over = { sync: true, inboxId: 'in_gone' as never, executionTimeoutMs: 3_600_000 };
  const call = await house.submit('chat', 'a '.repeat(600), over);
  await house.queue.events.next('job.started');
  house.queue.clock.aheadMs = 1000;
  const ended = house.ended(call);
  const tick = setInterval(() => {
    house.queue.clock.aheadMs += 3000;
  }, 100);
  assert.equal((await ended).status, 'cancelled');
  clearInterval(tick);
  await house.events.next('job.client-left', { jobId: call });
});
