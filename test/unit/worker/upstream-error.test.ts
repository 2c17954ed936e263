import assert from 'node:assert/strict';
import { test } from 'node:test';
import { upstreamError, withoutAddresses } from '../../../src/worker/upstream-error.ts';

const bodyOf = (status: number, body: unknown) => upstreamError(status, JSON.stringify(body));

test("OpenAI's shape keeps message, code and param", () => {
  const told = { error: { message: 'no', type: 'invalid_request_error', param: 'n', code: 'bad_n' } };
  const { message, type, param, code } = bodyOf(400, told);
  assert.deepEqual(
    { message, type, param, code },
    { message: 'no', type: 'invalid_request_error', param: 'n', code: 'bad_n' },
  );
});

test("vLLM's flat shape with a number for a code becomes the envelope", () => {
  const told = {
    object: 'error',
    message: 'context too long',
    type: 'BadRequestError',
    param: null,
    code: 400,
  };
  const { message, type, code } = bodyOf(400, told);
  assert.deepEqual(
    { message, type, code },
    { message: 'context too long', type: 'invalid_request_error', code: 'invalid_value' },
  );
});

test("FastAPI's list of problems becomes a sentence that names the fields", () => {
  const detail = [
    { loc: ['body', 'steps'], msg: 'must be at least 1' },
    { loc: ['body', 'size', 0], msg: 'must be a number' },
  ];
  const { message, param } = bodyOf(422, { detail });
  assert.equal(message, 'steps: must be at least 1; size.0: must be a number');
  assert.equal(param, 'steps');
});

test("FastAPI's sentence is the message", () => {
  assert.equal(bodyOf(404, { detail: 'no such voice' }).message, 'no such voice');
});

test('a refusal without a readable body keeps an excerpt, or says that there was none', () => {
  assert.equal(upstreamError(400, 'plain words').message, 'plain words');
  assert.match(upstreamError(400, '').message, /HTTP 400 without a body/);
  assert.ok(upstreamError(400, 'x'.repeat(5000)).message.length < 600);
});

test('a failure in our own envelope is a model error; anything else is a bad response', () => {
  assert.equal(bodyOf(500, { error: { message: 'shape mismatch' } }).code, 'model_error');
  assert.equal(upstreamError(500, '<html>').code, 'upstream_bad_response');
});

test('addresses of model servers do not get out', () => {
  assert.equal(
    withoutAddresses('POST http://127.0.0.1:8001/v1/x failed'),
    'POST the model server/v1/x failed',
  );
  assert.equal(
    withoutAddresses('connect ECONNREFUSED 127.0.0.1:8001'),
    'connect ECONNREFUSED the model server',
  );
  assert.equal(withoutAddresses('connect ENOENT /run/rh/m/a1.sock'), 'connect ENOENT its socket');
  assert.equal(withoutAddresses('see https://example.com/docs'), 'see https://example.com/docs');
});

test("an error that FastAPI wraps in its detail keeps the service's words", () => {
  const { message, code } = bodyOf(400, {
    detail: { error: { message: 'no such voice', code: 'no_voice' } },
  });
  assert.deepEqual([message, code], ['no such voice', 'no_voice']);
});
