import type { z } from 'zod';
import { fieldAt } from './field.ts';
import { fileField } from './file-fields.ts';
import { nearestName } from './nearest-name.ts';

/** A problem before it is known on which line it stands. */
export interface PathProblem {
  readonly path: readonly PropertyKey[];
  readonly what: string;
  readonly fix: string;
}

type Issue = z.core.$ZodIssue;

/** What zod found, in the words of the models file. */
export function shapeProblems(issues: readonly Issue[], value: unknown): PathProblem[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? unknownKeys(issue.path, issue.keys)
      : [wrongValue(issue.path, value)],
  );
}

function unknownKeys(path: readonly PropertyKey[], keys: readonly string[]): PathProblem[] {
  const field = fieldAt(fileField, path);
  const known = Object.keys(field.fields ?? {});
  return keys.map((key) => {
    const meant = nearestName(key, known);
    const fix = meant ? `Did you mean "${meant}"?` : `Known here: ${known.join(', ')}.`;
    return { path: [...path, key], what: `${placeOf(path)}unknown key "${key}".`, fix };
  });
}

function wrongValue(path: readonly PropertyKey[], value: unknown): PathProblem {
  const field = fieldAt(fileField, path);
  const name = String(path.at(-1) ?? '');
  const found = valueAt(value, path);
  const place = placeOf(path.slice(0, -1));
  if (path.length === 0)
    return { path, what: `the file is ${shown(found)}, not ${field.expected}.`, fix: 'Write: models:' };
  if (found === undefined)
    return { path, what: `${place}"${name}" is missing.`, fix: `Write for example: ${field.example}` };
  const fix = `Write for example: ${field.example}`;
  if (typeof path.at(-1) === 'number') {
    const entry = `entry ${Number(name) + 1} is ${shown(found)}`;
    const list = `${placeOf(path.slice(0, -2))}"${String(path.at(-2))}"`;
    return { path, what: `${list} must be ${field.expected}; ${entry}.`, fix };
  }
  const subject = isModel(path) ? `model "${name}"` : `${place}"${name}"`;
  return { path, what: `${subject} must be ${field.expected}, not ${shown(found)}.`, fix };
}

const isModel = (path: readonly PropertyKey[]) => path.length === 2 && path[0] === 'models';

/** `model "x": ` for what stands in a model, `scheduler: ` for what stands there. */
export function placeOf(path: readonly PropertyKey[]): string {
  const [top, id, ...rest] = path.filter((step) => typeof step !== 'number').map(String);
  if (top === undefined) return '';
  if (top !== 'models') return `${[top, id, ...rest].filter((step) => step !== undefined).join('.')}: `;
  if (id === undefined) return 'models: ';
  return `model "${id}": ${rest.length > 0 ? `${rest.join('.')}: ` : ''}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<PropertyKey, unknown>)[step];
  }
  return current;
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return 'empty';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
