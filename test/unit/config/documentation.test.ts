import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { documentedTables, settingsAsHelp } from '../../../src/config/settings-doc.ts';
import { settingsTable } from '../../../src/config/settings-table.ts';
import { projectDir } from '../../helpers/orchestrator.ts';

const path = join(projectDir, 'docs/CONFIGURATION.md');
const place = /(<!-- table:(\w+) -->\n)[\s\S]*?(<!-- \/table -->)/g;

test('docs/CONFIGURATION.md says what the code does (UPDATE_DOCS=1 writes it anew)', () => {
  const tables = documentedTables();
  const committed = readFileSync(path, 'utf8');
  const current = committed.replace(place, (_all, begin, name, end) => `${begin}${tables[name]}\n${end}`);
  if (process.env.UPDATE_DOCS) writeFileSync(path, current);
  assert.equal(process.env.UPDATE_DOCS ? current : committed, current);
});

test('each table has its place in the document', () => {
  const places = [...readFileSync(path, 'utf8').matchAll(place)].map(([, , name]) => name);
  assert.deepEqual(places, Object.keys(documentedTables()));
});

test('the help of the terminal names every setting and keeps within its width', () => {
  const help = settingsAsHelp(60);
  for (const { name } of Object.values(settingsTable)) assert.ok(help.includes(`  ${name}\n`), name);
  const longest = help.split('\n').filter((line) => line.length > 60);
  assert.deepEqual(longest, []);
});
