import { z } from 'zod';
import { type Field, shapeOf } from './field.ts';
import { modelFields, modelSchema } from './model-fields.ts';
import { schedulerFields, schedulerSchema } from './scheduler-fields.ts';

const cidr = z.union([z.cidrv4(), z.cidrv6()]);

export const webhookFields = {
  allow_http: {
    schema: z.boolean().optional(),
    expected: 'true or false',
    example: 'allow_http: false',
    what: 'Deliver to plain `http://` addresses too.',
    shown: '`false`',
  },
  allow_cidrs: {
    schema: z.array(cidr).optional(),
    expected: 'a list of networks in CIDR notation',
    example: 'allow_cidrs: [100.64.0.0/10]',
    what: 'Networks that a webhook may reach although they are not public, such as a tailnet.',
    shown: 'none',
  },
} as const satisfies Record<string, Field>;

/** The keys at the top of the models file. */
export const fileFields = {
  models: {
    schema: z.record(z.string(), modelSchema),
    expected: 'a map of model ids',
    example: 'models: { my-model: { type: text, … } }',
    what: 'The models, by the id that clients send as `model`.',
    shown: null,
    each: modelFields,
  },
  vram_gb: {
    schema: z.number().nonnegative().max(100_000).optional(),
    expected: 'a number of GB',
    example: 'vram_gb: 24',
    what: 'GPU memory that residents share, in GB. `0`: one model at a time, whatever its size.',
    shown: '`0`',
  },
  scheduler: {
    schema: schedulerSchema.optional(),
    expected: 'a map of scheduler parameters',
    example: 'scheduler: { preload: false }',
    what: 'When to swap; see below.',
    shown: 'see below',
    fields: schedulerFields,
  },
  webhooks: {
    schema: z.strictObject(shapeOf(webhookFields)).optional(),
    expected: 'a map',
    example: 'webhooks: { allow_http: false }',
    what: 'Where webhooks may go; see below.',
    shown: 'see below',
    fields: webhookFields,
  },
} as const satisfies Record<string, Field>;

export const fileSchema = z.strictObject(shapeOf(fileFields));
export type FileInput = z.infer<typeof fileSchema>;

export const fileField: Field = {
  schema: fileSchema,
  expected: 'a map with the key "models"',
  example: 'models:',
  what: '',
  shown: null,
  fields: fileFields,
};
