import type { Fields } from './field.ts';
import { fileFields } from './file-fields.ts';
import { type ModelInput, modelFields } from './model-fields.ts';

/** The parts of a models file that are right in themselves, so that they can be compared although others are wrong. */
export interface SoundFile {
  /** null: `models` is no map at all. */
  readonly models: readonly (readonly [id: string, model: SoundModel])[] | null;
  readonly vramGb: number;
}

export type SoundModel = Partial<ModelInput>;

/** What can be used of a file that may be wrong elsewhere, so that all its problems are told at once. */
export function soundPart(value: unknown): SoundFile {
  const file = asMap(value) ?? {};
  const models = asMap(file.models);
  const vramGb = fileFields.vram_gb.schema.safeParse(file.vram_gb);
  return {
    models:
      models && Object.entries(models).map(([id, model]) => [id, soundMap(model, modelFields)] as const),
    vramGb: (vramGb.success ? vramGb.data : undefined) ?? 0,
  };
}

function soundMap(value: unknown, fields: Fields): Record<string, unknown> {
  const sound: Record<string, unknown> = {};
  for (const [key, each] of Object.entries(asMap(value) ?? {})) {
    const field = fields[key];
    if (field?.fields) sound[key] = soundMap(each, field.fields);
    else if (field?.schema.safeParse(each).success) sound[key] = each;
  }
  return sound;
}

const asMap = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
