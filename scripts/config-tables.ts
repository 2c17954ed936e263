import type { Fields } from '../src/config/field.ts';
import { fileFields, webhookFields } from '../src/config/file-fields.ts';
import { deadlineFields, modelFields } from '../src/config/model-fields.ts';
import { schedulerFields } from '../src/config/scheduler-fields.ts';
import { settingsTable } from '../src/config/settings-table.ts';
import { markdownTable } from './markdown-table.ts';

/** The tables of docs/CONFIGURATION.md by the name of their place there. */
export function configTables(): Readonly<Record<string, string>> {
  return {
    settings: markdownTable(
      ['variable', 'default', 'what it does'],
      Object.values(settingsTable).map(({ name, shown, what }) => [`\`${name}\``, shown, what]),
    ),
    file: fieldTable(fileFields),
    model: fieldTable(modelFields),
    deadlines: fieldTable(deadlineFields),
    scheduler: fieldTable(schedulerFields),
    webhooks: fieldTable(webhookFields),
  };
}

const fieldTable = (fields: Fields) =>
  markdownTable(
    ['key', 'must be', 'default', 'what it does'],
    Object.entries(fields).map(([key, { expected, shown, what }]) => [
      `\`${key}\``,
      expected,
      shown ?? '**required**',
      what,
    ]),
  );
