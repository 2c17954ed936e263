import type { ModelType } from '../../src/contracts/model.ts';

/** One model of a models file that runs a stand-in server; `args` are those of test/stand-ins/settings.py. */
export interface StandInModel {
  readonly id: string;
  readonly type?: ModelType;
  readonly endpoint?: string | readonly string[];
  readonly concurrency?: number;
  readonly args?: Readonly<Record<string, unknown>>;
  /** Further keys of the entry, such as `deadlines`. */
  readonly more?: Readonly<Record<string, unknown>>;
}

const endpoints = {
  text: '/v1/chat/completions',
  speech: '/v1/audio/speech',
  custom: '/v1/custom',
  image: ['/v1/images/generations', '/v1/images/edits'],
  audio: '/v1/audio/generations',
  transcription: ['/v1/audio/transcriptions', '/v1/audio/translations'],
  embedding: '/v1/embeddings',
} as const satisfies Record<ModelType, unknown>;

/** The text of a models file; JSON is YAML. */
export function standInModels(
  models: readonly StandInModel[],
  top: Readonly<Record<string, unknown>> = {},
): string {
  const entries = models.map(({ id, type = 'text', endpoint, concurrency = 1, args = {}, more = {} }) => [
    id,
    {
      type,
      service_script: 'test/stand-ins/server.py',
      endpoint: endpoint ?? endpoints[type],
      startup_time: 1,
      service_time: 1,
      concurrency,
      args,
      ...more,
    },
  ]);
  return JSON.stringify({ ...top, models: Object.fromEntries(entries) }, null, 2);
}
