import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { inlineJson } from '../../../src/api/inline-json.ts';
import { sendBytes } from '../../../src/api/send-bytes.ts';
import { aRecord } from '../../fakes/a-record.ts';

const file = { index: 0, contentType: 'image/png', bytes: 5, sha256: '' };
const record = aRecord({
  endpoint: '/v1/images/generations',
  output: { created: 1, data: [{ file: 0, seed: 7 }] },
  files: [{ ...file, path: '0.png' }] as never,
});

test('a file stands in the answer as base64, and its length is known before', async () => {
  const { bytes, content } = await inlineJson(
    { open: async () => Readable.from([Buffer.from('hello')]) },
    record,
  );
  const answer = await text(content);
  assert.deepEqual(JSON.parse(answer), { created: 1, data: [{ b64_json: 'aGVsbG8=', seed: 7 }] });
  assert.equal(bytes, answer.length);
});

test('a client that left before the answer began leaves no file open, and no fault behind', async () => {
  const opened = new Readable({ read() {} });
  const { content } = await inlineJson({ open: async () => opened }, record);
  const response = new PassThrough().destroy();
  const closed = once(opened, 'close');
  await sendBytes(content, response as unknown as ServerResponse);
  await closed;
  assert.ok(opened.destroyed);
});
