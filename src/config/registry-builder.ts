import { resolve } from 'node:path';
import { asModelId, type ModelId } from '../contracts/ids.ts';
import type { ModelDeadlines, ModelSpec } from '../contracts/model.ts';
import type { Registry } from '../contracts/registry.ts';
import { deadlineDefaults, modelDefaults } from './defaults.ts';
import type { FileInput } from './file-fields.ts';
import type { ModelInput } from './model-fields.ts';
import { admissionWindow, schedulerParams } from './scheduler-fields.ts';

/** A models file without problems, as the rest of the house sees it: ms, MB, absolute paths, no gaps. */
export function buildRegistry(file: FileInput, path: string, projectDir: string): Registry {
  const entries = Object.entries(file.models);
  const models = entries.map(([id, model]) => modelSpec(asModelId(id), model, projectDir));
  const marked = entries.filter(([, model]) => model.default).map(([id]) => asModelId(id));
  return {
    path,
    models: new Map(models.map((spec) => [spec.id, spec])),
    names: new Map(models.flatMap(({ id, aliases }) => [id, ...aliases].map((name) => [name, id] as const))),
    defaults: endpointDefaults(models, marked),
    scheduler: schedulerParams(file.scheduler),
    window: admissionWindow(file.scheduler),
    vramMb: asMb(file.vram_gb ?? 0),
    webhooks: {
      allowHttp: file.webhooks?.allow_http ?? false,
      allowCidrs: file.webhooks?.allow_cidrs ?? [],
    },
  };
}

/** The model marked `default`, else the first of the file that serves the endpoint. */
function endpointDefaults(
  models: readonly ModelSpec[],
  marked: readonly ModelId[],
): ReadonlyMap<string, ModelId> {
  const markedLast = [
    ...models.filter(({ id }) => !marked.includes(id)).toReversed(),
    ...models.filter(({ id }) => marked.includes(id)),
  ];
  return new Map(markedLast.flatMap(({ id, endpoints }) => endpoints.map((path) => [path, id] as const)));
}

function modelSpec(id: ModelId, model: ModelInput, projectDir: string): ModelSpec {
  return {
    id,
    type: model.type,
    aliases: model.aliases ?? [],
    serviceScript: resolve(projectDir, model.service_script),
    endpoints: [model.endpoint].flat(),
    port: model.port ?? null,
    startupTimeMs: asMs(model.startup_time) ?? modelDefaults.startupTimeMs,
    serviceTimeMs: asMs(model.service_time) ?? modelDefaults.serviceTimeMs,
    vramMb: asMb(model.vram_gb ?? 0),
    concurrency: model.concurrency ?? modelDefaults.concurrency,
    pinned: model.pinned ?? false,
    sleep: model.sleep ?? false,
    sleepRamMb: asMb(model.sleep_ram_gb ?? model.vram_gb ?? 0),
    readAhead: model.read_ahead ?? true,
    args: model.args ?? {},
    allowWeights: model.allow_weights ?? [],
    queueCap: model.queue_cap ?? modelDefaults.queueCap,
    queueTtlMs: asMs(model.queue_ttl) ?? modelDefaults.queueTtlMs,
    executionTimeoutMs: asMs(model.execution_timeout) ?? modelDefaults.executionTimeoutMs,
    deadlines: deadlinesOf(model.deadlines ?? {}),
  };
}

function deadlinesOf(input: NonNullable<ModelInput['deadlines']>): ModelDeadlines {
  return {
    loadStallMs: asMs(input.load_stall) ?? deadlineDefaults.loadStallMs,
    loadTotalMs: asMs(input.load_total) ?? deadlineDefaults.loadTotalMs,
    firstTokenMs: asMs(input.first_token) ?? deadlineDefaults.firstTokenMs,
    interTokenMs: asMs(input.inter_token) ?? deadlineDefaults.interTokenMs,
    stopGraceMs: asMs(input.stop_grace) ?? deadlineDefaults.stopGraceMs,
  };
}

const asMs = (seconds: number | undefined) =>
  seconds === undefined ? undefined : Math.round(seconds * 1000);
const asMb = (gb: number) => Math.round(gb * 1024);
