import type { z } from 'zod';
import { errors } from '../contracts/error-catalogue.ts';
import type { RoundhouseError } from '../contracts/errors.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/**
 * The value, when it is as the schema says. `prefix` is where it stands in the client's body.
 * @throws invalid_value, missing_required_parameter or unknown_parameter, with `param`
 */
export function validate<Output>(schema: z.ZodType<Output>, value: unknown, prefix: Path = []): Output {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [first] = result.error.issues;
  throw first === undefined ? errors.internal(result.error) : describe(first, value, prefix);
}

function describe(issue: Issue, value: unknown, prefix: Path): RoundhouseError {
  const { path, message } = deepest(issue);
  if (issue.code === 'unrecognized_keys') {
    return errors.unknownParameter(paramOf([...prefix, ...path, issue.keys[0] ?? '']));
  }
  const param = paramOf([...prefix, ...path]);
  return valueAt(value, path) === undefined
    ? errors.missingParameter(param)
    : errors.invalidValue(param, sentence(message));
}

/** Of a union, the alternative that came furthest: it is the one the client meant. */
function deepest(issue: Issue): { path: Path; message: string } {
  if (issue.code !== 'invalid_union') return issue;
  const alternatives = issue.errors.flatMap(([first]) => (first ? [deepest(first)] : []));
  const furthest = alternatives.reduce<{ path: Path; message: string } | null>(
    (best, next) => (next.path.length > (best?.path.length ?? 0) ? next : best),
    null,
  );
  if (furthest) return { path: [...issue.path, ...furthest.path], message: furthest.message };
  return { path: issue.path, message: alternatives.map(({ message }) => message).join(', or ') };
}

/** `['messages', 0, 'role']` → `messages[0].role` */
export function paramOf(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, part) => (inner === null || typeof inner !== 'object' ? undefined : Reflect.get(inner, part)),
    value,
  );
}

function sentence(message: string): string {
  const text = message.replaceAll('Invalid input: ', '').replace(/^Invalid \w+: /, '');
  return text.endsWith('.') ? text : `${text}.`;
}
