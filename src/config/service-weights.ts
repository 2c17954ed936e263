import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from './problem.ts';

const repository = z.strictObject({
  /** The one of `args` that names it, */
  arg: z.string(),
  /** in each entry of this list of `args`, */
  in: z.string().optional(),
  /** and where nothing names it: this one. */
  default: z.string().optional(),
  /** Those of the same place that say more about it. */
  revision: z.string().optional(),
  variant: z.string().optional(),
  file: z.string().optional(),
});

const weightsFile = z.strictObject({
  repositories: z.array(repository),
  /** File names of the service's own format, where that is not safetensors and runs no code. */
  formats: z.array(z.string()).optional(),
});

/** What a service says in its `weights.json` about the weights that it loads from the hub. */
export type ServiceWeights = z.infer<typeof weightsFile>;
export type RepositoryArg = z.infer<typeof repository>;

/**
 * null: the service says nothing, so it loads nothing from the hub.
 * @throws ConfigError
 */
export function readServiceWeights(serviceScript: string): ServiceWeights | null {
  const path = join(dirname(serviceScript), 'weights.json');
  const text = textOf(path);
  if (text === null) return null;
  const result = weightsFile.safeParse(parsed(text));
  if (result.success) return result.data;
  const what = `it is not as weights.json has to be: ${z.prettifyError(result.error).replaceAll('\n', ' ')}`;
  const fix = 'Write for example: { "repositories": [{ "arg": "model", "revision": "revision" }] }';
  throw new ConfigError([{ where: path, line: null, what, fix }]);
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
