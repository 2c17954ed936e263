import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingsAsHelp } from '../../../src/config/settings-help.ts';
import { settingsTable } from '../../../src/config/settings-table.ts';

test('the help of the terminal names every setting and keeps within its width', () => {
  const help = settingsAsHelp(60);
  for (const { name } of Object.values(settingsTable)) assert.ok(help.includes(`  ${name}\n`), name);
  const longest = help.split('\n').filter((line) => line.length > 60);
  assert.deepEqual(longest, []);
});
