import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import { ApiBox, apiKey } from '../../fakes/api-box.ts';

const messages = [{ role: 'user' as const, content: 'hello' }];
const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'smollm2',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
};
const chunk = (content: string, finish: string | null = null): string =>
  JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'smollm2',
    choices: [{ index: 0, delta: { content }, finish_reason: finish }],
  });

const clientOf = (box: ApiBox, path = '/v1'): OpenAI => new OpenAI({ apiKey, baseURL: `${box.url}${path}` });

test('the SDK gets a completion, under a base URL with and without /v1', async () => {
  await using box = await ApiBox.open();
  for (const path of ['/v1', '']) {
    const answer = clientOf(box, path).chat.completions.create({ model: 'smollm2', messages });
    (await box.nextJob()).start().complete({ output: completion });
    assert.equal((await answer).choices[0]?.message.content, 'hi');
  }
});

test('the SDK reads a stream through comments, to the end', async () => {
  await using box = await ApiBox.open();
  const answer = clientOf(box).chat.completions.create({ model: 'smollm2', messages, stream: true });
  const job = await box.nextJob();
  await box.clock.advance(2000);
  const stream = await answer;
  job.start().chunk(chunk('one'), chunk(' two'));
  job.chunk(chunk('', 'stop'), '[DONE]').complete({});
  let text = '';
  for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
  assert.equal(text, 'one two');
});

test('the SDK throws a failure that comes in the middle of a stream', async () => {
  await using box = await ApiBox.open();
  const answer = clientOf(box).chat.completions.create({ model: 'smollm2', messages, stream: true });
  const job = await box.nextJob();
  job.start().chunk(chunk('one'));
  const stream = await answer;
  job.requeue(errors.modelCrashed('smollm2', 'signal 9').toBody());
  await assert.rejects(
    async () => {
      for await (const _ of stream);
    },
    (error: InstanceType<typeof OpenAI.APIError>) => error.code === 'stream_interrupted',
  );
});

test('the SDK gets speech as bytes', async () => {
  await using box = await ApiBox.open();
  const answer = clientOf(box).audio.speech.create({ model: 'piper', voice: 'alloy', input: 'hello' });
  const job = await box.nextJob();
  const wav = Buffer.from('RIFF....WAVE');
  box.artifacts.files.set(`${job.id}/0`, wav);
  job.start().complete({ files: [{ index: 0, contentType: 'audio/wav', bytes: wav.length, sha256: 'x' }] });
  const response = await answer;
  assert.equal(response.headers.get('content-type'), 'audio/wav');
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), wav);
});

test('the SDK throws NotFoundError for an unknown model, after one request', async () => {
  await using box = await ApiBox.open();
  const answer = clientOf(box).chat.completions.create({ model: 'gpt-9', messages });
  await assert.rejects(answer, (error: InstanceType<typeof OpenAI.APIError>) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, 'model_not_found');
    assert.equal(error.param, 'model');
    assert.match(error.requestID ?? '', /^req_/);
    return true;
  });
});

test('the SDK throws AuthenticationError without a right key', async () => {
  await using box = await ApiBox.open();
  const client = new OpenAI({ apiKey: 'wrong', baseURL: `${box.url}/v1` });
  await assert.rejects(client.models.list(), OpenAI.AuthenticationError);
});

test('the SDK asks once when the wait ends, and learns which job goes on', async () => {
  await using box = await ApiBox.open();
  const answer = clientOf(box).chat.completions.create({ model: 'smollm2', messages });
  const job = await box.nextJob();
  const rejected = assert.rejects(answer, (error: InstanceType<typeof OpenAI.APIError>) => {
    assert.equal(error.status, 504);
    assert.equal(error.code, 'sync_timeout');
    assert.equal((error.error as { job_id: string }).job_id, job.id);
    return true;
  });
  await box.clock.advance(280_000);
  await rejected;
  assert.equal(box.queue.jobs.size, 1);
});

test('the SDK that gives up and asks again comes back to the same job', async () => {
  await using box = await ApiBox.open();
  const left = Promise.withResolvers<void>();
  let requests = 0;
  const impatient: typeof fetch = (url, init) => {
    requests++;
    return requests === 1 ? giveUp(box, url, init).finally(left.resolve) : fetch(url, init);
  };
  const client = new OpenAI({ apiKey, baseURL: `${box.url}/v1`, fetch: impatient });
  const answer = client.chat.completions.create({ model: 'smollm2', messages });
  const job = await box.nextJob();
  await left.promise;
  job.start().complete({ output: completion });
  assert.equal((await answer).choices[0]?.message.content, 'hi');
  assert.equal(requests, 2);
  assert.equal(box.queue.jobs.size, 1);
});

/** A connection that breaks once the job is queued. */
async function giveUp(box: ApiBox, url: Parameters<typeof fetch>[0], init?: RequestInit): Promise<Response> {
  const breaking = new AbortController();
  const answer = fetch(url, { ...init, signal: breaking.signal });
  answer.catch(() => undefined);
  await box.queue.accepted();
  breaking.abort();
  await box.events.next('job.client-left');
  throw new TypeError('terminated');
}

test('a client of the SDK that aborts ends its job', async () => {
  await using box = await ApiBox.open();
  const client = new AbortController();
  const answer = clientOf(box).chat.completions.create(
    { model: 'smollm2', messages },
    { signal: client.signal },
  );
  const job = await box.nextJob();
  client.abort();
  await assert.rejects(answer, OpenAI.APIUserAbortError);
  await box.events.next('job.client-left');
  await box.clock.advance(15_000);
  await job.until('cancelled');
});

test('the SDK lists and retrieves models', async () => {
  await using box = await ApiBox.open();
  const ids: string[] = [];
  for await (const model of clientOf(box).models.list()) ids.push(model.id);
  assert.deepEqual(ids, ['smollm2', 'piper', 'acme/echo']);
  assert.equal((await clientOf(box).models.retrieve('acme/echo')).id, 'acme/echo');
});
