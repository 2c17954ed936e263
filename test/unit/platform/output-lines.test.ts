import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LineLimits, OutputLines } from '../../../src/platform/output-lines.ts';

const limits: LineLimits = { lineBytes: 20, burstBytes: 100, bytesPerSecond: 10 };

function collect(withLimits = limits) {
  const lines: string[] = [];
  const time = { nowMs: 0 };
  const splitter = new OutputLines(
    (line) => lines.push(line),
    withLimits,
    () => time.nowMs,
  );
  return { lines, time, push: (text: string) => splitter.push(Buffer.from(text)), splitter };
}

test('a line that arrives in pieces is one line, a character split between them included', () => {
  const { lines, splitter } = collect();
  const bytes = Buffer.from('grün\nblau\n');
  for (const byte of bytes) splitter.push(Buffer.from([byte]));
  assert.deepEqual(lines, ['grün', 'blau']);
});

test('a carriage return ends a line, so that a progress bar is seen while it runs', () => {
  const { lines, push } = collect();
  push('10 %\r20 %\r\n\nover\n');
  assert.deepEqual(lines, ['10 %', '20 %', 'over']);
});

test('a line over the limit is cut', () => {
  const { lines, push } = collect();
  push(`${'x'.repeat(30)}\nnext\n`);
  assert.deepEqual(lines, [`${'x'.repeat(20)}…`, 'next']);
});

test('what has no line end at the end is a line, too', () => {
  const { lines, push, splitter } = collect();
  push('Segmentation fault');
  splitter.end();
  assert.deepEqual(lines, ['Segmentation fault']);
});

test('a flood is left out, and a line says how much', () => {
  const { lines, time, push } = collect();
  push(`${'a'.repeat(9)}\n`.repeat(10));
  push('b\n'.repeat(40));
  push('b\n'.repeat(10));
  assert.equal(lines.length, 10);
  time.nowMs = 1_000;
  push('calm\n');
  assert.deepEqual(lines.slice(10), ['[100 bytes of output left out: too much at once]', 'calm']);
});

test('a flood at the very end is told, too', () => {
  const { lines, push, splitter } = collect();
  push('b\n'.repeat(60));
  splitter.end();
  assert.deepEqual(lines, ['[120 bytes of output left out: too much at once]']);
});
