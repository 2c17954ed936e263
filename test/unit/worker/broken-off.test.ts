import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import { eventsAnswer, type FakeCall, jsonAnswer, orAborted, silence } from '../../fakes/fake-model-http.ts';
import { model } from '../../helpers/jobs.ts';
import { aWorker, errorOf, runJob } from './worker-box.ts';

const chat = model('chat');
const delta = (content: string) => `data: {"choices":[{"index":0,"delta":{"content":"${content}"}}]}\n\n`;
const end = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

test('a server that never sends a first token is ended, its job tried once more, and the next job runs', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = (call) => (call.body.hang === true ? silence(call) : jsonAnswer({ ok: true }));
  const hung = box.add('chat', { body: '{"hang":true}', stream: true });
  const next = box.add('chat');
  await box.until(() => box.isOver(next));
  assert.equal(errorOf(box, hung).code, 'model_hung');
  assert.equal(box.events.of('killed').length, 2);
  assert.deepEqual(
    box.events.of('server.hung').map(({ what, silentMs }) => [what, silentMs]),
    [
      ['no first token', 60_000],
      ['no first token', 60_000],
    ],
  );
});

test('a stream that goes silent in the middle is ended and its job tried once more', async (t) => {
  const stalls = ({ headers, signal }: FakeCall) =>
    eventsAnswer(
      (async function* () {
        yield Buffer.from(delta('a'));
        if (headers['x-attempt'] === '1') await orAborted(new Promise(() => {}), signal);
        yield Buffer.from(end);
      })(),
    );
  const { box, outcome } = await runJob(t, stalls, { stream: true });
  assert.equal(outcome?.kind, 'completed');
  assert.equal(box.events.of('server.hung')[0]?.what, 'no further token');
});

test('as long as tokens come, a stream may take longer than the silence between two', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = () =>
    eventsAnswer(
      (async function* () {
        for (let at = 0; at < 20; at++) {
          await box.clock.sleep(25_000);
          yield Buffer.from(delta('a'));
        }
        yield Buffer.from(end);
      })(),
    );
  const job = box.add('chat', { stream: true });
  await box.until(() => box.isOver(job), 600_000, 1000);
  assert.equal(box.outcome(job)?.kind, 'completed');
});

test('progress that the service reports is a sign of life, and reaches the client in percent', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.answersTake(200_000);
  const job = box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  while (!box.isOver(job)) {
    box.turntable.progress(chat, job, 0.25);
    await box.clock.advance(20_000);
  }
  assert.equal(box.outcome(job)?.kind, 'completed');
  assert.ok(box.progress.some(({ progress, phase }) => progress === 25 && phase === 'generating'));
});

test('a job over its execution limit fails, and its server lives when it lets go', async (t) => {
  const { box, job } = await runJob(t, ({ signal }) => orAborted(new Promise(() => {}), signal), {
    executionTimeoutMs: 50_000,
  });
  assert.equal(errorOf(box, job).code, 'execution_timeout');
  assert.equal(box.events.of('killed').length, 0);
});

test('cancelling a running job closes the connection to its server at once', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = silence;
  const job = box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  box.lanes.claims.get(job)?.abort.abort(errors.cancelled(job));
  await box.clock.advance(0);
  assert.equal(box.http.calls[0]?.signal.aborted, true);
  assert.deepEqual(box.outcome(job), { kind: 'cancelled' });
  assert.equal(box.events.of('killed').length, 0);
});

test('a server that does not let go of a cancelled job within 10 s is ended', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = silence;
  const job = box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  box.http.inFlight = 1;
  box.lanes.claims.get(job)?.abort.abort(errors.cancelled(job));
  await box.until(() => box.events.of('killed').length === 1, 12_000);
  assert.match(String(box.events.of('killed')[0]?.reason), /let go/);
});

test('until its server has let go of a cancelled job, the next one does not start', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = silence;
  const job = box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  box.http.inFlight = 1;
  const next = box.add('chat');
  box.lanes.claims.get(job)?.abort.abort(errors.cancelled(job));
  await box.clock.advance(3000);
  assert.deepEqual(box.lanes.queue, [next]);
  box.http.inFlight = null;
  box.http.answer = () => jsonAnswer({ ok: true });
  await box.until(() => box.isOver(next));
  assert.equal(box.events.of('killed').length, 0);
});

test('a job whose lock was lost stops at once: somebody else may run it', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = (call) => (call.headers['x-attempt'] === '1' ? silence(call) : jsonAnswer({ ok: true }));
  const job = box.add('chat');
  await box.until(() => box.http.calls.length === 1);
  box.lanes.claims.get(job)?.abort.abort(errors.workerLost());
  await box.clock.advance(0);
  assert.equal(box.http.calls[0]?.signal.aborted, true);
  assert.equal(box.outcome(job)?.kind, 'retry');
});

test('a stream that was only opened still has the time of its first token', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = ({ signal }) =>
    eventsAnswer(
      (async function* () {
        yield Buffer.from(
          'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n: hold on\n\n',
        );
        await box.clock.sleep(50_000, signal);
        yield Buffer.from(': hold on\n\n');
        await box.clock.sleep(5000, signal);
        yield Buffer.from(end);
      })(),
    );
  const job = box.add('chat', { stream: true });
  await box.until(() => box.isOver(job), 120_000);
  assert.equal(box.outcome(job)?.kind, 'completed');
  assert.equal(box.events.of('server.hung').length, 0);
});

test('comments of a stream are no sign of life', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = ({ signal }) =>
    eventsAnswer(
      (async function* () {
        while (!signal.aborted) {
          yield Buffer.from(': keep-alive\n\n');
          await box.clock.sleep(10_000, signal);
        }
        throw signal.reason;
      })(),
    );
  const job = box.add('chat', { stream: true });
  await box.until(() => box.isOver(job), 300_000, 1000);
  assert.equal(errorOf(box, job).code, 'model_hung');
});
