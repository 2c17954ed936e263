import { asModelId } from '../../src/contracts/ids.ts';
import type { TraceModel } from './trace.ts';

export interface CatalogueModel extends TraceModel {
  /** Where weights stay in the machine's memory: waking and putting to sleep instead of loading and unloading. */
  readonly wakeMs: number;
  readonly sleepMs: number;
  /** Standard deviation of the service time divided by its mean. */
  readonly cv: number;
}

type Row = readonly [
  id: string,
  loadS: number,
  unloadS: number,
  wakeS: number,
  sleepS: number,
  concurrency: number,
  serviceS: number,
  cv: number,
  vramGb: number,
];

const rows: readonly Row[] = [
  ['text-a', 75, 3, 3, 1, 32, 8, 0.8, 30],
  ['text-b', 110, 4, 5, 2, 16, 15, 0.8, 45],
  ['flux', 75, 3, 5, 1.5, 1, 12, 0.1, 34],
  ['musicgen', 40, 2, 3, 1, 1, 25, 0.3, 12],
  ['sdxl', 30, 2, 2.5, 1, 1, 5, 0.1, 12],
  ['whisper', 20, 1, 2, 0.5, 4, 6, 0.6, 6],
  ['tts', 25, 1, 2, 0.5, 2, 4, 0.4, 6],
  ['video', 90, 3, 6, 2, 1, 120, 0.2, 60],
];

/** The models of the open traces, with times as they are known of one 80 GB GPU. Memory is in GB. */
export const catalogue: readonly CatalogueModel[] = rows.map(
  ([id, loadS, unloadS, wakeS, sleepS, concurrency, serviceS, cv, vram]) => ({
    id: asModelId(id),
    loadMs: loadS * 1000,
    unloadMs: unloadS * 1000,
    wakeMs: wakeS * 1000,
    sleepMs: sleepS * 1000,
    concurrency,
    serviceMs: serviceS * 1000,
    cv,
    vram,
  }),
);

/** The same model where its weights stay in memory. */
export const asleep = (model: CatalogueModel): CatalogueModel => ({
  ...model,
  loadMs: model.wakeMs,
  unloadMs: model.sleepMs,
});
