import type { z } from 'zod';

/** One key of the models file: how it is checked, and the words for the answer when it is wrong. */
export interface Field<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema;
  /** Goes on after "must be". */
  readonly expected: string;
  /** A line that is right. */
  readonly example: string;
  readonly what: string;
  /** The default in words; null: required. */
  readonly shown: string | null;
  /** The keys of a map. */
  readonly fields?: Fields;
  /** What every value of a map with free keys is made of. */
  readonly each?: Fields;
}

export type Fields = Readonly<Record<string, Field>>;

export type ShapeOf<Group extends Fields> = { -readonly [Key in keyof Group]: Group[Key]['schema'] };

/** The fields as zod takes them for an object. */
export function shapeOf<Group extends Fields>(fields: Group): ShapeOf<Group> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, { schema }]) => [key, schema]),
  ) as unknown as ShapeOf<Group>;
}

/** The field at a path such as `['models', 'x', 'deadlines', 'first_token']`, or the last one on the way to it. */
export function fieldAt(root: Field, path: readonly PropertyKey[]): Field {
  const [key, ...rest] = path;
  if (key === undefined) return root;
  if (root.each) {
    const entry = {
      ...root,
      fields: root.each,
      expected: 'a map of fields',
      example: 'type: text',
    } satisfies Field;
    return fieldAt(withoutEach(entry), rest);
  }
  const next = root.fields?.[String(key)];
  return next ? fieldAt(next, rest) : root;
}

function withoutEach({ each: _each, ...field }: Field): Field {
  return field;
}
