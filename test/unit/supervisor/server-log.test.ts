import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { asModelId } from '../../../src/contracts/ids.ts';
import { LineRing } from '../../../src/supervisor/line-ring.ts';
import { RotatingFile } from '../../../src/supervisor/rotating-file.ts';
import { ServerLog } from '../../../src/supervisor/server-log.ts';
import { TempDir } from '../../helpers/temp-dir.ts';

test('a ring keeps the last lines that fit', () => {
  const ring = new LineRing(30);
  for (let at = 0; at < 100; at += 1) ring.push(`line ${at}`);
  assert.deepEqual(ring.last(10), ['line 97', 'line 98', 'line 99']);
  assert.deepEqual(ring.last(1), ['line 99']);
  assert.deepEqual(ring.last(0), []);
});

test('a file that is full is rotated, and the oldest goes', async () => {
  await using temp = await TempDir.create();
  const file = new RotatingFile(temp.path('a.log'), { fileBytes: 20, files: 3, pendingBytes: 1_000 });
  for (let at = 0; at < 8; at += 1) {
    file.append(`number ${at}\n`);
    await file.flushed();
  }
  assert.deepEqual((await readdir(temp.dir)).toSorted(), ['a.log', 'a.log.1', 'a.log.2']);
  assert.equal(await readFile(temp.path('a.log'), 'utf8'), 'number 6\nnumber 7\n');
  assert.equal(await readFile(temp.path('a.log.2'), 'utf8'), 'number 2\nnumber 3\n');
});

test('lines that a slow disk cannot take are lost, not kept in memory', async () => {
  await using temp = await TempDir.create();
  const file = new RotatingFile(temp.path('a.log'), { fileBytes: 1_000, files: 2, pendingBytes: 30 });
  for (let at = 0; at < 100; at += 1) file.append('0123456789');
  await file.flushed();
  assert.ok((await readFile(temp.path('a.log'), 'utf8')).length <= 40);
});

test('a folder that cannot be written loses the file and nothing else', async () => {
  await using temp = await TempDir.create();
  const log = new ServerLog('/dev/null/logs', asModelId('a'));
  log.add('a line');
  await log.close();
  assert.deepEqual(await log.tail(5), ['a line']);
  assert.deepEqual(await readdir(temp.dir), []);
});

test('an id with a slash is a file in the folder all the same', async () => {
  await using temp = await TempDir.create();
  const log = new ServerLog(temp.dir, asModelId('org/model'));
  log.add('a line');
  await log.close();
  assert.deepEqual(await readdir(temp.dir), ['org%2Fmodel.log']);
});

test('the tail is known before anything is written in this run', async () => {
  await using temp = await TempDir.create();
  const before = new ServerLog(temp.dir, asModelId('a'));
  for (let at = 0; at < 10_000; at += 1) before.add(`line ${at}`);
  await before.close();
  const log = new ServerLog(temp.dir, asModelId('a'));
  assert.deepEqual(await log.tail(2), ['line 9998', 'line 9999']);
  assert.deepEqual(log.recent(2), []);
  assert.ok((await log.tail(100_000)).every((line) => /^line \d{4}$/.test(line)));
});

test('recent lines are those of the current start', () => {
  const log = new ServerLog('/dev/null/logs', asModelId('a'));
  log.begin('--- start 1');
  log.add('out of memory');
  log.begin('--- start 2');
  assert.deepEqual(log.recent(10), []);
  log.add('loading');
  assert.deepEqual(log.recent(10), ['loading']);
});
