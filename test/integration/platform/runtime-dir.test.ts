import assert from 'node:assert/strict';
import { chmod, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { openRuntimeDir } from '../../../src/platform/runtime-dir.ts';
import { TempDir } from '../../helpers/temp-dir.ts';

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

test('the folder is made for its owner alone, and opened again as it is', async () => {
  await using dir = await TempDir.create();
  await openRuntimeDir(dir.path('a', 'run'));
  await openRuntimeDir(dir.path('a', 'run'));
  assert.equal(await modeOf(dir.path('a', 'run')), 0o700);
});

test('a folder that others may read is closed to them', async () => {
  await using dir = await TempDir.create();
  await mkdir(dir.path('run'));
  await chmod(dir.path('run'), 0o755);
  await openRuntimeDir(dir.path('run'));
  assert.equal(await modeOf(dir.path('run')), 0o700);
});

test('a folder that others may write to is refused', async () => {
  await using dir = await TempDir.create();
  await mkdir(dir.path('run'));
  await chmod(dir.path('run'), 0o770);
  await assert.rejects(openRuntimeDir(dir.path('run')), /written to by other users.*ROUNDHOUSE_RUNTIME/);
});

test('a link is refused, also one that leads to a good folder', async () => {
  await using dir = await TempDir.create();
  await mkdir(dir.path('real'), { mode: 0o700 });
  await symlink(dir.path('real'), dir.path('run'));
  await assert.rejects(openRuntimeDir(dir.path('run')), /is a link or no folder/);
});

test('a file is refused', async () => {
  await using dir = await TempDir.create();
  await writeFile(dir.path('run'), '');
  await assert.rejects(openRuntimeDir(dir.path('run')));
});

test('a folder of another user is refused', async (context) => {
  if (process.geteuid?.() === 0) return context.skip('root owns what it makes; the next test covers root');
  await assert.rejects(openRuntimeDir('/'), /belongs to user 0/);
});

test('a folder of another user is refused by root, too', async (context) => {
  if (process.geteuid?.() !== 0) return context.skip('only root can give a folder away');
  await using dir = await TempDir.create();
  await mkdir(dir.path('run'), { mode: 0o700 });
  const { chown } = await import('node:fs/promises');
  await chown(dir.path('run'), 65_534, 65_534);
  await assert.rejects(openRuntimeDir(dir.path('run')), /belongs to user 65534/);
});

test('a path too long for sockets is refused before anything is made', async () => {
  await using dir = await TempDir.create();
  await assert.rejects(openRuntimeDir(dir.path('x'.repeat(60))), /longer than 64 bytes/);
  await assert.rejects(stat(dir.path('x'.repeat(60))), { code: 'ENOENT' });
});
