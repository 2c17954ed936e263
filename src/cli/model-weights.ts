import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ModelWeights, weightsOf } from '../config/model-weights.ts';
import { readServiceWeights } from '../config/service-weights.ts';
import type { ModelSpec } from '../contracts/model.ts';
import type { CliContext } from './context.ts';

/** What a model needs of the hub. @throws ConfigError for a wrong weights.json */
export function modelWeights({ projectDir }: CliContext, spec: ModelSpec): ModelWeights {
  const isPath = (path: string) => existsSync(resolve(projectDir, path));
  return weightsOf(spec, readServiceWeights(spec.serviceScript), isPath);
}
