import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChunkOrder } from '../../../src/api/chunk-order.ts';
import type { JobId } from '../../../src/contracts/ids.ts';
import { fc } from '../../helpers/properties.ts';

const jobId = 'job_1' as JobId;
const chunk = (attempt: number, seq: number, ...data: string[]) =>
  ({ type: 'chunk', jobId, attempt, seq, data }) as const;

test('chunks that overlap or repeat lose nothing and double nothing', () => {
  const payloads = Array.from({ length: 12 }, (_, at) => `p${at}`);
  const pieces = fc.array(fc.tuple(fc.nat(11), fc.integer({ min: 1, max: 5 })), { maxLength: 40 });
  fc.assert(
    fc.property(pieces, (cuts) => {
      const order = new ChunkOrder();
      const sent: string[] = [];
      let next = 0;
      for (const [start, length] of cuts) {
        const verdict = order.accept(chunk(1, start, ...payloads.slice(start, start + length)));
        if (start > next) assert.equal(verdict.kind, 'broken');
        else next = Math.max(next, Math.min(12, start + length));
        if (verdict.kind === 'send') sent.push(...verdict.payloads);
      }
      assert.deepEqual(sent, payloads.slice(0, next));
    }),
  );
});

test('a new attempt starts afresh as long as nothing was sent', () => {
  const order = new ChunkOrder();
  assert.deepEqual(order.requeued(1), { kind: 'ignore' });
  assert.deepEqual(order.accept(chunk(2, 0, 'a')), { kind: 'send', payloads: ['a'] });
  assert.deepEqual(order.accept(chunk(1, 0, 'late')), { kind: 'ignore' });
  assert.deepEqual(order.requeued(1), { kind: 'ignore' });
  assert.deepEqual(order.requeued(2), { kind: 'broken' });
});

test('another attempt after the first payload breaks the stream, also unannounced', () => {
  const order = new ChunkOrder();
  order.accept(chunk(1, 0, 'a'));
  assert.deepEqual(order.accept(chunk(2, 0, 'b')), { kind: 'broken' });
});

test('a stream that misses its beginning is broken', () => {
  assert.deepEqual(new ChunkOrder().accept(chunk(1, 1, 'b')), { kind: 'broken' });
});
