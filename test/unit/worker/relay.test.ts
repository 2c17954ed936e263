import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import type { InboxId } from '../../../src/contracts/ids.ts';
import type { JobMessage } from '../../../src/contracts/job.ts';
import { ChunkSender } from '../../../src/worker/chunk-sender.ts';
import { EventPayloads } from '../../../src/worker/event-payloads.ts';
import type { ClaimedJob } from '../../../src/worker/ports.ts';
import { aRecord } from '../../fakes/a-record.ts';
import { bytes, eventsAnswer } from '../../fakes/fake-model-http.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';
import { fc, runs } from '../../helpers/properties.ts';
import { aWorker, type WorkerBox } from './worker-box.ts';

const inboxId = 'inbox-1' as InboxId;

function payloadsOf(...pieces: (string | Uint8Array)[]): string[] {
  const reader = new EventPayloads();
  return [...pieces.flatMap((piece) => reader.feed(Buffer.from(piece))), ...reader.end()];
}

test('payloads come whole and in order, wherever the bytes were split', async () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replace(/[\r\n]/g, ' '));
  const payload = fc.array(line, { minLength: 1, maxLength: 3 }).map((lines) => lines.join('\n'));
  const lineEnd = fc.constantFrom('\n', '\r\n');
  const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 30 });
  const property = fc.asyncProperty(
    fc.array(payload, { maxLength: 6 }),
    lineEnd,
    cuts,
    async (all, nl, at) => {
      const written = all.map(
        (text) =>
          `: note${nl}${text
            .split('\n')
            .map((part) => `data: ${part}${nl}`)
            .join('')}${nl}`,
      );
      const whole = Buffer.from(written.join(''));
      const places = [0, ...at.filter((each) => each < whole.length).sort((a, b) => a - b), whole.length];
      const pieces = places.slice(1).map((place, index) => whole.subarray(places[index], place));
      assert.deepEqual(payloadsOf(...pieces), all);
    },
  );
  await fc.assert(property, runs(500));
});

test('a mark of byte order within a text is a character like any other, wherever the bytes were split', () => {
  const whole = Buffer.from('data: a\ufeffé\n\n');
  for (let at = 1; at < whole.length; at++)
    assert.deepEqual(payloadsOf(whole.subarray(0, at), whole.subarray(at)), ['a\ufeffé']);
});

test('comments, other fields and empty lines are dropped', async () => {
  assert.deepEqual(payloadsOf(': keep-alive\n\nevent: x\nid: 7\ndata: {"a":1}\n\n\n\ndata:2\n\n'), [
    '{"a":1}',
    '2',
  ]);
});

test('a last event without its empty line still counts', async () => {
  assert.deepEqual(payloadsOf('data: 1\n\ndata: [DONE]'), ['1', '[DONE]']);
});

function aSender(clock: FakeClock) {
  const sent: JobMessage[] = [];
  const claim = { record: aRecord({ inboxId }), attempt: 2 } as unknown as ClaimedJob;
  const channel = {
    send: (_: InboxId, message: JobMessage) => void sent.push(message),
    inboxAlive: async () => true,
    progress: () => {},
  };
  const parts = () => sent.map((each) => (each.type === 'chunk' ? [each.seq, ...each.data] : []));
  return { sender: new ChunkSender(channel, clock, claim), parts };
}

test('the first token goes out at once, later ones together after at most 10 ms', async () => {
  const clock = new FakeClock();
  const { sender, parts } = aSender(clock);
  sender.push(['a']);
  assert.deepEqual(parts(), [[0, 'a']]);
  sender.push(['b']);
  sender.push(['c']);
  await clock.advance(9);
  assert.deepEqual(parts(), [[0, 'a']]);
  await clock.advance(1);
  assert.deepEqual(parts(), [
    [0, 'a'],
    [1, 'b', 'c'],
  ]);
});

test('eight held tokens go out without waiting', () => {
  const { sender, parts } = aSender(new FakeClock());
  sender.push(['first']);
  for (let at = 0; at < 8; at++) sender.push([String(at)]);
  assert.deepEqual(parts()[1], [1, '0', '1', '2', '3', '4', '5', '6', '7']);
});

test('what is held goes out at the end, once', async () => {
  const clock = new FakeClock();
  const { sender, parts } = aSender(clock);
  sender.push(['a']);
  sender.push(['b']);
  sender.flush();
  await clock.advance(100);
  sender.flush();
  assert.deepEqual(parts(), [
    [0, 'a'],
    [1, 'b'],
  ]);
});

const chunksOf = (box: WorkerBox, attempt = 1): string[] =>
  box.messages.flatMap((each) => (each.type === 'chunk' && each.attempt === attempt ? each.data : []));

const chunk = (delta: object, finish: string | null = null) =>
  JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'chat',
    choices: [{ index: 0, delta, finish_reason: finish }],
  });

async function stream(t: Parameters<typeof aWorker>[0], ...payloads: string[]) {
  const box = await aWorker(t, ['chat']);
  box.http.answer = () => eventsAnswer(bytes(...payloads.map((payload) => `data: ${payload}\n\n`)));
  const job = box.add('chat', { stream: true, inboxId });
  await box.until(() => box.isOver(job));
  const outcome = box.outcome(job);
  assert.ok(outcome !== undefined);
  return { box, outcome };
}

test('a stream reaches its client payload by payload, and its whole answer is kept', async (t) => {
  const parts = [
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: 'Hé' }),
    chunk({ content: '!' }),
    chunk({}, 'stop'),
  ];
  const { box, outcome } = await stream(t, ...parts, '[DONE]');
  assert.deepEqual(chunksOf(box), parts);
  assert.ok(outcome.kind === 'completed');
  assert.deepEqual(outcome.result.output, {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'chat',
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hé!' } }],
    usage: null,
  });
});

test('sequence numbers count payloads without a gap', async (t) => {
  const parts = Array.from({ length: 50 }, (_, at) => chunk({ content: String(at) }));
  const { box } = await stream(t, ...parts, chunk({}, 'stop'), '[DONE]');
  let next = 0;
  for (const each of box.messages) {
    if (each.type !== 'chunk') continue;
    assert.equal(each.seq, next);
    next += each.data.length;
  }
  assert.equal(next, 51);
});

test('a stream that ends before its answer does is tried once more, then it is a bad response', async (t) => {
  const { box, outcome } = await stream(t, chunk({ content: 'half' }));
  assert.ok(outcome.kind === 'retry' && outcome.error.code === 'upstream_bad_response');
  assert.equal(box.http.calls.length, 2);
  assert.deepEqual(chunksOf(box, 2), [chunk({ content: 'half' })]);
});

test('a stream that said why it finished needs no [DONE]', async (t) => {
  const { outcome } = await stream(t, chunk({ content: 'all' }), chunk({}, 'length'));
  assert.equal(outcome.kind, 'completed');
});

test('an error inside of a stream is not relayed as a token, and the job is tried once more', async (t) => {
  const { box, outcome } = await stream(t, chunk({ content: 'a' }), '{"error":{"message":"engine died"}}');
  assert.ok(outcome.kind === 'retry');
  assert.match(outcome.error.message, /engine died/);
  assert.deepEqual(chunksOf(box), [chunk({ content: 'a' })]);
});

test('when a stream is cut off, what came before is sent first', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = () =>
    eventsAnswer(
      (async function* () {
        yield* bytes(`data: ${chunk({ content: 'a' })}\n\ndata: ${chunk({ content: 'b' })}\n\n`);
        yield* bytes(`data: ${chunk({ content: 'c' })}\n\n`);
        throw errors.modelCrashed('chat', 'SIGSEGV');
      })(),
    );
  const job = box.add('chat', { stream: true, inboxId });
  await box.until(() => box.isOver(job));
  assert.deepEqual(
    chunksOf(box),
    ['a', 'b', 'c'].map((content) => chunk({ content })),
  );
});

test('a job without an inbox streams for nobody, and its answer is kept all the same', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = () => eventsAnswer(bytes(`data: ${chunk({ content: 'x' }, 'stop')}\n\ndata: [DONE]\n\n`));
  const job = box.add('chat', { stream: true });
  await box.until(() => box.isOver(job));
  assert.equal(box.messages.length, 0);
  assert.match(JSON.stringify(box.outcome(job)), /"content":"x"/);
});

test("an error in vLLM's flat shape ends the stream, and the caller's own is not tried again", async (t) => {
  const told = '{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":400}';
  const { box, outcome } = await stream(t, told, '[DONE]');
  assert.ok(outcome.kind === 'failed');
  assert.deepEqual([outcome.error.message, outcome.error.type], ['too long', 'invalid_request_error']);
  assert.deepEqual(chunksOf(box), []);
  assert.equal(box.http.calls.length, 1);
});

test('a payload that only mentions errors is a payload', async (t) => {
  const parts = ['{"error":null,"choices":[]}', chunk({ content: '{"error":{"message":"no"}}' })];
  const { box, outcome } = await stream(t, ...parts, chunk({}, 'stop'), '[DONE]');
  assert.equal(outcome.kind, 'completed');
  assert.deepEqual(chunksOf(box).slice(0, 2), parts);
});

test('an error inside of a stream tells no inner address', async (t) => {
  const { outcome } = await stream(t, '{"error":{"message":"connect ECONNREFUSED 127.0.0.1:8001"}}');
  assert.ok(outcome.kind === 'retry');
  assert.doesNotMatch(outcome.error.message, /8001/);
});

test('a long answer is kept whole: in the record while it fits, else in a file', async (t) => {
  const words = (count: number) => Array.from({ length: count }, () => chunk({ content: 'wonderful ' }));
  const fits = await stream(t, ...words(15_000), chunk({}, 'stop'), '[DONE]');
  assert.ok(fits.outcome.kind === 'completed');
  assert.match(JSON.stringify(fits.outcome.result.output), /"finish_reason":"stop"/);
  const large = await stream(t, ...words(30_000), chunk({}, 'stop'), '[DONE]');
  assert.ok(large.outcome.kind === 'completed');
  assert.equal(large.outcome.result.output, null);
  const [written] = large.box.files.values();
  assert.deepEqual(large.outcome.result.files, [written?.artifact]);
  const answer = JSON.parse(written?.bytes.toString() ?? '');
  assert.equal(answer.choices[0].message.content.length, 300_000);
});
