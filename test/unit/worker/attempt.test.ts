import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import { answered, bytes, type FakeCall, jsonAnswer, silence } from '../../fakes/fake-model-http.ts';
import { model } from '../../helpers/jobs.ts';
import { aWorker, errorOf, runJob } from './worker-box.ts';

const chat = model('chat');

test('the model server gets the body as it is, the path of the job, its id and the attempt', async (t) => {
  const { box, job } = await runJob(t, () => jsonAnswer({}), {
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
  const { outcome } = await runJob(t, () => jsonAnswer({ choices: [], usage: { total_tokens: 7 } }));
  assert.ok(outcome?.kind === 'completed');
  assert.deepEqual(outcome.result.output, { choices: [], usage: { total_tokens: 7 } });
  assert.deepEqual(outcome.result.usage, { total_tokens: 7 });
});

test('audio goes into a file as it comes', async (t) => {
  const wav = Buffer.from('RIFFxxxxWAVE');
  const answer = () => answered(200, 'audio/wav', bytes(wav.subarray(0, 5), wav.subarray(5)));
  const { box, job, outcome } = await runJob(t, answer, { endpoint: '/v1/audio/speech' });
  assert.ok(outcome?.kind === 'completed');
  assert.equal(outcome.result.output, null);
  assert.deepEqual(outcome.result.files, [box.files.get(job)?.artifact]);
  assert.deepEqual(box.files.get(job)?.bytes, wav);
  assert.ok(box.progress.some(({ phase }) => phase === 'saving'));
});

test('JSON over 256 KB goes into a file, whole', async (t) => {
  const large = JSON.stringify({ data: 'x'.repeat(300_000) });
  const { box, job, outcome } = await runJob(t, () => jsonAnswer(large));
  assert.ok(outcome?.kind === 'completed');
  assert.equal(outcome.result.files[0]?.contentType, 'application/json');
  assert.equal(box.files.get(job)?.bytes.toString(), large);
});

test('a file that comes out empty is tried once more, then it is a bad response', async (t) => {
  const answer = () => answered(200, 'audio/wav', bytes());
  const { box, job } = await runJob(t, answer);
  assert.equal(errorOf(box, job).code, 'upstream_bad_response');
  assert.equal(box.http.calls.length, 2);
});

test('a full disk fails the job with storage_full, without another try', async (t) => {
  const full = async function* () {
    yield Buffer.from('RIFF');
    throw errors.storageFull('the artifacts folder');
  };
  const { box, job } = await runJob(t, () => answered(200, 'audio/wav', full()));
  assert.equal(errorOf(box, job).code, 'storage_full');
  assert.equal(box.http.calls.length, 1);
});

test("what the caller did wrong keeps the model server's words and is not tried again", async (t) => {
  const told = {
    error: { message: 'too long', type: 'x', param: 'messages', code: 'context_length_exceeded' },
  };
  const { box, job } = await runJob(t, () => jsonAnswer(told, 400));
  const { message, type, param, code } = errorOf(box, job);
  assert.deepEqual(
    [message, type, param, code],
    ['too long', 'invalid_request_error', 'messages', 'context_length_exceeded'],
  );
  assert.equal(box.http.calls.length, 1);
});

test('a model that fails says so, once', async (t) => {
  const { box, job } = await runJob(t, () => jsonAnswer({ error: { message: 'shape mismatch' } }, 500));
  assert.deepEqual([errorOf(box, job).code, errorOf(box, job).message], ['model_error', 'shape mismatch']);
  assert.equal(box.http.calls.length, 1);
});

test('after a CUDA error the server is started anew and the job tried once more', async (t) => {
  const answer = ({ headers }: FakeCall) =>
    headers['x-attempt'] === '1'
      ? jsonAnswer({ detail: 'CUDA error: an illegal memory access was encountered' }, 500)
      : jsonAnswer({ ok: true });
  const { box, outcome } = await runJob(t, answer);
  assert.equal(outcome?.kind, 'completed');
  assert.deepEqual(box.loads, ['chat', 'chat']);
});

for (const [name, answer] of [
  ['JSON cut short', () => jsonAnswer('{"choices": [{"mess')],
  ['a page of HTML', () => answered(502, 'text/html', bytes('<html>502 Bad Gateway</html>'))],
  ['HTML with status 200', () => answered(200, 'text/html', bytes('<html>hello</html>'))],
] as const) {
  test(`${name} is tried once more, then it is a bad response with an excerpt`, async (t) => {
    const { box, job } = await runJob(t, answer);
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
  const { box, job } = await runJob(t, answer);
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
