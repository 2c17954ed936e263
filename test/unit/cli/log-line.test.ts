import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plain } from '../../../src/cli/terminal.ts';
import { renderLogLine } from '../../../src/cli/views/log-line.ts';

test('a JSON line is shown as its time, level, logger and message', () => {
  const line =
    '{"time": "2026-11-25T10:58:08.971Z", "level": "warning", "logger": "engine", "message": "slow"}';
  assert.equal(renderLogLine(line, plain), '10:58:08 warning engine: slow');
});

test('a line of another kind is shown as it is', () => {
  for (const line of ['Loading weights 50 %', '{not json', '{"a": 1}', ''])
    assert.equal(renderLogLine(line, plain), line);
});

test('what a client made the server print does not steer the terminal', () => {
  assert.equal(renderLogLine('a\x1b[2Jb\x07c\td', plain), 'ab·c\td');
  const line = JSON.stringify({ level: 'info', message: 'x\x1b]0;title\x07\ny' });
  assert.equal(renderLogLine(line, plain), 'info    x·y');
});
