import { z } from 'zod';
import { asModelId, type ModelId } from '../../contracts/ids.ts';
import { noArrivals } from './arrival-rates.ts';

const amount = z.number().nonnegative();
const triple = z.tuple([amount, amount, amount]).readonly();
const time = amount.nullable().catch(null);

const learnedSchema = z.object({
  loadMs: time,
  unloadMs: time,
  wakeMs: time,
  sleepMs: time,
  serviceMs: time,
  rates: z
    .object({ lam: triple, lamSlow: triple, accepted: triple.nullable(), atMs: amount })
    .catch(noArrivals),
});
/** Times learned of one model; null: never measured, the prior holds. */
export type Learned = Readonly<z.infer<typeof learnedSchema>>;

const savedSchema = z.object({ version: z.literal(1), models: z.record(z.string(), z.unknown()) });

/** What a worker has learned, as it is kept between its runs. */
export interface SavedEstimates {
  readonly version: 1;
  readonly models: Readonly<Record<string, Learned>>;
}

/** What can be read of saved estimates, model by model; the rest is left out. */
export function parseSaved(saved: unknown): ReadonlyMap<ModelId, Learned> {
  const file = savedSchema.safeParse(saved);
  if (!file.success) return new Map();
  const models = Object.entries(file.data.models).map(
    ([id, learned]) => [asModelId(id), learnedSchema.safeParse(learned)] as const,
  );
  return new Map(models.flatMap(([id, { data }]) => (data === undefined ? [] : [[id, data]])));
}
