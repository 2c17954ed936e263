import { admissionDefaults, schedulerDefaults } from '../../src/config/defaults.ts';
import type { ModelId } from '../../src/contracts/ids.ts';
import type { ModelSpec } from '../../src/contracts/model.ts';
import type { Registry } from '../../src/contracts/registry.ts';

export function aModelSpec(id: string, over: Partial<ModelSpec> = {}): ModelSpec {
  return {
    id: id as ModelId,
    type: 'text',
    aliases: [],
    serviceScript: `/services/${id}/server.py`,
    endpoints: ['/v1/chat/completions', '/v1/completions'],
    port: null,
    startupTimeMs: 20_000,
    serviceTimeMs: 2000,
    vramMb: 0,
    concurrency: 1,
    pinned: false,
    sleep: false,
    sleepRamMb: 0,
    readAhead: true,
    args: {},
    allowWeights: [],
    queueCap: 1000,
    queueTtlMs: 3_600_000,
    executionTimeoutMs: 600_000,
    deadlines: {
      loadStallMs: 60_000,
      loadTotalMs: 600_000,
      firstTokenMs: 60_000,
      interTokenMs: 30_000,
      stopGraceMs: 10_000,
    },
    ...over,
  };
}

/** The first model of an endpoint answers for it. */
export function aRegistry(...models: ModelSpec[]): Registry {
  const defaults = new Map<string, ModelId>();
  for (const { id, endpoints } of models) {
    for (const endpoint of endpoints) if (!defaults.has(endpoint)) defaults.set(endpoint, id);
  }
  return {
    path: '/models.yaml',
    models: new Map(models.map((spec) => [spec.id, spec])),
    names: new Map(models.flatMap(({ id, aliases }) => [id, ...aliases].map((name) => [name, id] as const))),
    defaults,
    scheduler: schedulerDefaults,
    window: admissionDefaults,
    vramMb: 0,
    webhooks: { allowHttp: false, allowCidrs: [] },
  };
}

/** A text model, a voice, and one that speaks a language of its own. */
export const threeModels = (): Registry =>
  aRegistry(
    aModelSpec('smollm2', { aliases: ['gpt-4o-mini'] }),
    aModelSpec('piper', { type: 'speech', endpoints: ['/v1/audio/speech'], aliases: ['tts-1'] }),
    aModelSpec('acme/echo', { type: 'custom', endpoints: ['/v1/echo/generate', '/plain'], queueCap: 2 }),
  );
