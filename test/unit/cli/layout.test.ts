import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, formatMoment } from '../../../src/cli/durations.ts';
import { fit, paintLine, span, table } from '../../../src/cli/layout.ts';
import { newLines } from '../../../src/cli/new-lines.ts';
import { plain } from '../../../src/cli/terminal.ts';
import { progressBar } from '../../../src/cli/views/progress-bar.ts';

const text = (lines: Parameters<typeof paintLine>[0][]) => lines.map((line) => paintLine(line, plain));

test('a duration is read at a glance', () => {
  const shown = [0, 49, 420, 9940, 9960, 59_400, 60_000, 185_000, 3_600_000, 7_620_000, 90_000_000].map(
    formatDuration,
  );
  assert.deepEqual(shown, [
    '0 s',
    '0.0 s',
    '0.4 s',
    '9.9 s',
    '10 s',
    '59 s',
    '1m 00s',
    '3m 05s',
    '1h 00m',
    '2h 07m',
    '1d 01h',
  ]);
});

test('a clock that runs backwards gives no negative duration', () => {
  assert.equal(formatDuration(-5000), '0 s');
});

test('a moment of today has seconds, another one its date', () => {
  const now = new Date(2026, 10, 24, 14, 0, 0).getTime();
  assert.equal(formatMoment(new Date(2026, 10, 24, 9, 5, 7).getTime(), now), '09:05:07');
  assert.equal(formatMoment(new Date(2026, 10, 23, 9, 5, 7).getTime(), now), '11-23 09:05');
});

test('a line that is too long ends with an ellipsis at the edge', () => {
  assert.deepEqual(
    text([fit([span('abc'), span('def')], 6), fit([span('abc'), span('def')], 5), fit([span('abc')], 0)]),
    ['abcdef', 'abcd…', '…'],
  );
});

const columns = [
  { title: 'A', dispensable: 0 },
  { title: 'NUMBER', align: 'right', dispensable: 1 },
  { title: 'C', dispensable: 2 },
] as const;
const rows = [
  [[span('first')], [span('1')], [span('x')]],
  [[span('2nd')], [span('22')], [span('yy')]],
];

test('columns stand under their titles', () => {
  assert.deepEqual(text(table(columns, rows, 80)), [
    'A      NUMBER  C',
    'first       1  x',
    '2nd        22  yy',
  ]);
});

test('the least needed columns go first', () => {
  assert.deepEqual(text(table(columns, rows, 14)), ['A      NUMBER', 'first       1', '2nd        22']);
  assert.deepEqual(text(table(columns, rows, 6)), ['A', 'first', '2nd']);
  assert.deepEqual(text(table(columns, rows, 4)), ['A', 'fir…', '2nd']);
});

test('a bar is full only when all is done', () => {
  assert.deepEqual(
    text([progressBar(0), progressBar(0.999), progressBar(1), progressBar(7), progressBar(null)]),
    ['░░░░░░░░░░   0 %', '█████████░  99 %', '██████████ 100 %', '██████████ 100 %', '▒▒▒▒▒▒▒▒▒▒'],
  );
});

test('of a growing log only the new lines are told', () => {
  assert.deepEqual(newLines([], ['a']), ['a']);
  assert.deepEqual(newLines(['a', 'b'], ['a', 'b']), []);
  assert.deepEqual(newLines(['a', 'b'], ['a', 'b', 'c']), ['c']);
  assert.deepEqual(newLines(['a', 'b', 'c'], ['b', 'c', 'd', 'e']), ['d', 'e']);
});

test('a log that was begun anew is told whole', () => {
  assert.deepEqual(newLines(['a', 'b'], ['x', 'y']), ['x', 'y']);
});
