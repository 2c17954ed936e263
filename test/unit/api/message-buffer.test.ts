import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageBuffer } from '../../../src/api/message-buffer.ts';
import type { JobId } from '../../../src/contracts/ids.ts';
import type { JobMessage } from '../../../src/contracts/job.ts';

const jobId = 'job_1' as JobId;
const chunk = (attempt: number, seq: number, ...data: string[]): JobMessage => ({
  type: 'chunk',
  jobId,
  attempt,
  seq,
  data,
});

function replayOf(...messages: JobMessage[]): readonly JobMessage[] {
  const buffer = new MessageBuffer();
  for (const message of messages) buffer.add(message);
  const replay: JobMessage[] = [];
  buffer.replay((message) => replay.push(message));
  return replay;
}

test('a replay tells in one message what followed in many', () => {
  assert.deepEqual(replayOf(chunk(1, 0, 'a'), chunk(1, 1, 'b', 'c'), chunk(1, 3, 'd')), [
    chunk(1, 0, 'a', 'b', 'c', 'd'),
  ]);
});

test('what does not follow stays a message of its own', () => {
  const messages = [chunk(1, 0, 'a'), chunk(1, 2, 'c'), chunk(1, 2, 'c'), chunk(2, 3, 'd')];
  assert.deepEqual(replayOf(...messages), messages);
});

test('what came before another start is forgotten', () => {
  const started: JobMessage = { type: 'started', jobId, attempt: 2 };
  assert.deepEqual(replayOf(chunk(1, 0, 'a'), started, chunk(2, 0, 'b')), [chunk(2, 0, 'b')]);
});

test('more than a mebibyte is not kept, and the buffer says so', () => {
  const buffer = new MessageBuffer();
  buffer.add(chunk(1, 0, 'x'.repeat(1024 * 1024)));
  assert.equal(buffer.isWhole, true);
  buffer.add(chunk(1, 1, 'y'));
  buffer.add(chunk(1, 2, 'z'));
  assert.equal(buffer.isWhole, false);
  buffer.replay(() => assert.fail('a part of it was kept'));
});
