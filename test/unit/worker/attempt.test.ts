import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import type { InboxId, JobId } from '../../../src/contracts/ids.ts';
import type { NewJob } from '../../../src/contracts/job.ts';
import {
  answered,
  bytes,
  eventsAnswer,
  type FakeCall,
  jsonAnswer,
  orAborted,
  silence,
} from '../../fakes/fake-model-http.ts';
import { model } from '../../helpers/jobs.ts';
import { aWorker, type WorkerBox } from './worker-box.ts';

const inboxId = 'inbox-1' as InboxId;
const chat = model('chat');
const delta = (content: string) => `data: {"choices":[{"index":0,"delta":{"content":"${content}"}}]}\n\n`;
const end = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

/** Runs one job to its end, whatever that is. */
async function run(t: TestContext, answer: WorkerBox['http']['answer'], over: Partial<NewJob> = {}) {
  const box = await aWorker(t, ['chat']);
  box.http.answer = answer;
  const job = box.add('chat', { inboxId, ...over });
  await box.until(() => box.isOver(job));
  return { box, job, outcome: box.outcome(job) };
}

const errorOf = (box: WorkerBox, job: JobId) => {
  const outcome = box.outcome(job);
  assert.ok(outcome?.kind === 'failed' || outcome?.kind === 'retry', `it is ${outcome?.kind}`);
  return outcome.error;
};

test('the model server gets the body as it is, the path of the job, its id and the attempt', async (t) => {
  const { box, job } = await run(t, () => jsonAnswer({}), {
    endpoint: '/v1/echo/generate',
    body: '{"prompt":"hi","n":1}',
  });
  const [call] = box.http.calls;
  assert.equal(call?.path, '/v1/echo/generate');
  assert.deepEqual(call?.body, { prompt: 'hi', n: 1 });
  assert.deepEqual(call?.headers, {
    'content-type': 'application/json',
    'x-job-id': job,
    'x-attempt': '1',
  });
});

test('a JSON answer is the output, and its usage is kept beside it', async (t) => {
  const { outcome } = await run(t, () => jsonAnswer({ choices: [], usage: { total_tokens: 7 } }));
  assert.ok(outcome?.kind === 'completed');
  assert.deepEqual(outcome.result.output, { choices: [], usage: { total_tokens: 7 } });
  assert.deepEqual(outcome.result.usage, { total_tokens: 7 });
});

test('audio goes into a file as it comes', async (t) => {
  const wav = Buffer.from('RIFFxxxxWAVE');
  const answer = () => answered(200, 'audio/wav', bytes(wav.subarray(0, 5), wav.subarray(5)));
  const { box, job, outcome } = await run(t, answer, { endpoint: '/v1/audio/speech' });
  assert.ok(outcome?.kind === 'completed');
  assert.equal(outcome.result.output, null);
  assert.deepEqual(outcome.result.files, [box.files.get(job)?.artifact]);
  assert.deepEqual(box.files.get(job)?.bytes, wav);
  assert.ok(box.progress.some(({ phase }) => phase === 'saving'));
});

test('JSON over 256 KB goes into a file, whole', async (t) => {
  const large = JSON.stringify({ data: 'x'.repeat(300_000) });
  const { box, job, outcome } = await run(t, () => jsonAnswer(large));
  assert.ok(outcome?.kind === 'completed');
  assert.equal(outcome.result.files[0]?.contentType, 'application/json');
  assert.equal(box.files.get(job)?.bytes.toString(), large);
});

test('a file that comes out empty is tried once more, then it is a bad response', async (t) => {
  const answer = () => answered(200, 'audio/wav', bytes());
  const { box, job } = await run(t, answer);
  assert.equal(errorOf(box, job).code, 'upstream_bad_response');
  assert.equal(box.http.calls.length, 2);
});

test('a full disk fails the job with storage_full, without another try', async (t) => {
  const full = async function* () {
    yield Buffer.from('RIFF');
    throw errors.storageFull('the artifacts folder');
  };
  const { box, job } = await run(t, () => answered(200, 'audio/wav', full()));
  assert.equal(errorOf(box, job).code, 'storage_full');
  assert.equal(box.http.calls.length, 1);
});

test("what the caller did wrong keeps the model server's words and is not tried again", async (t) => {
  const told = {
    error: { message: 'too long', type: 'x', param: 'messages', code: 'context_length_exceeded' },
  };
  const { box, job } = await run(t, () => jsonAnswer(told, 400));
  const { message, type, param, code } = errorOf(box, job);
  assert.deepEqual(
    [message, type, param, code],
    ['too long', 'invalid_request_error', 'messages', 'context_length_exceeded'],
  );
  assert.equal(box.http.calls.length, 1);
});

test('a model that fails says so, once', async (t) => {
  const { box, job } = await run(t, () => jsonAnswer({ error: { message: 'shape mismatch' } }, 500));
  assert.deepEqual([errorOf(box, job).code, errorOf(box, job).message], ['model_error', 'shape mismatch']);
  assert.equal(box.http.calls.length, 1);
});

test('after a CUDA error the server is started anew and the job tried once more', async (t) => {
  const answer = ({ headers }: FakeCall) =>
    headers['x-attempt'] === '1'
      ? jsonAnswer({ detail: 'CUDA error: an illegal memory access was encountered' }, 500)
      : jsonAnswer({ ok: true });
  const { box, outcome } = await run(t, answer);
  assert.equal(outcome?.kind, 'completed');
  assert.deepEqual(box.loads, ['chat', 'chat']);
});

for (const [name, answer] of [
  ['JSON cut short', () => jsonAnswer('{"choices": [{"mess')],
  ['a page of HTML', () => answered(502, 'text/html', bytes('<html>502 Bad Gateway</html>'))],
  ['HTML with status 200', () => answered(200, 'text/html', bytes('<html>hello</html>'))],
] as const) {
  test(`${name} is tried once more, then it is a bad response with an excerpt`, async (t) => {
    const { box, job } = await run(t, answer);
    const { code, message } = errorOf(box, job);
    assert.equal(code, 'upstream_bad_response');
    assert.ok(message.length < 700, message);
    assert.equal(box.http.calls.length, 2);
  });
}

test('a connection that breaks is tried once more, and its error tells no inner address', async (t) => {
  const answer = () => {
    throw new Error('connect ENOENT /run/roundhouse/m/x1.sock');
  };
  const { box, job } = await run(t, answer);
  assert.equal(errorOf(box, job).code, 'model_crashed');
  assert.doesNotMatch(errorOf(box, job).message, /\/run/);
  assert.equal(box.http.calls.length, 2);
});

test('a job that kills its server twice fails, and the next job runs', async (t) => {
  const box = await aWorker(t, ['chat']);
  box.http.answer = (call) => {
    if (call.body.poison !== true) return jsonAnswer({ ok: true });
    box.turntable.crash(chat);
    return silence(call);
  };
  const poison = box.add('chat', { body: '{"poison":true}' });
  const next = box.add('chat');
  await box.until(() => box.isOver(next));
  assert.equal(errorOf(box, poison).code, 'model_crashed');
  assert.equal(box.outcome(next)?.kind, 'completed');
  assert.deepEqual(box.loads, ['chat', 'chat', 'chat']);
});

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
  const { box, outcome } = await run(t, stalls, { stream: true });
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
  const { box, job } = await run(t, ({ signal }) => orAborted(new Promise(() => {}), signal), {
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
