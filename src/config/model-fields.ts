import { z } from 'zod';
import { modelTypes } from '../contracts/model.ts';
import { deadlineDefaults, modelDefaults } from './defaults.ts';
import { type Field, shapeOf } from './field.ts';

const dayS = 86_400;
const positiveSeconds = z
  .number()
  .positive()
  .max(7 * dayS);
const endpointPath = z.string().regex(/^\/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-]$/);
const aDuration = 'a number of seconds over 0';

const secondsField = (name: string, defaultMs: number, what: string) => ({
  schema: positiveSeconds.optional(),
  expected: aDuration,
  example: `${name}: ${defaultMs / 1000}`,
  what,
  shown: `\`${defaultMs / 1000}\``,
});

export const deadlineFields = {
  load_stall: secondsField(
    'load_stall',
    deadlineDefaults.loadStallMs,
    'Seconds of loading without progress, log line or growth.',
  ),
  load_total: secondsField('load_total', deadlineDefaults.loadTotalMs, 'Seconds of loading in all.'),
  first_token: secondsField(
    'first_token',
    deadlineDefaults.firstTokenMs,
    'Seconds from the request to the first sign of an answer.',
  ),
  inter_token: secondsField(
    'inter_token',
    deadlineDefaults.interTokenMs,
    'Seconds of silence within an answer.',
  ),
  stop_grace: {
    ...secondsField('stop_grace', deadlineDefaults.stopGraceMs, 'Seconds from SIGTERM to SIGKILL.'),
    schema: z.number().nonnegative().max(dayS).optional(),
    expected: 'a number of seconds, 0 or more',
  },
} as const;

/** One entry under `models:`. */
export const modelFields = {
  type: {
    schema: z.enum(modelTypes),
    expected: `one of ${modelTypes.join(', ')}`,
    example: 'type: text',
    what: `What it makes: ${modelTypes.join(', ')}.`,
    shown: null,
  },
  service_script: {
    schema: z.string().min(1),
    expected: 'the path of a Python file, counted from the project folder',
    example: 'service_script: gpu-services/llamacpp/server.py',
    what: 'The model server; a relative path counts from the project folder.',
    shown: null,
  },
  endpoint: {
    schema: z.union([endpointPath, z.array(endpointPath).min(1)]),
    expected: 'a URL path or a list of them, each beginning with "/"',
    example: 'endpoint: /v1/chat/completions',
    what: 'The path it serves, or a list of paths; `POST /jobs` without `endpoint` uses the first.',
    shown: null,
  },
  aliases: {
    schema: z.array(z.string().regex(/^[\x21-\x7e]{1,200}$/)).optional(),
    expected: 'a list of names without spaces',
    example: 'aliases: [gpt-4o-mini]',
    what: 'Other names that clients may send as `model`.',
    shown: 'none',
  },
  default: {
    schema: z.boolean().optional(),
    expected: 'true or false',
    example: 'default: true',
    what: 'Answers requests to its endpoints that name no model.',
    shown: 'the first model of the file that serves the endpoint',
  },
  port: {
    schema: z.int().min(1024).max(65_535).nullish(),
    expected: 'a whole number from 1024 to 65535',
    example: 'port: 8001',
    what: 'TCP port on 127.0.0.1, open to every user of the machine.',
    shown: 'a Unix socket, which only this user can open',
  },
  startup_time: {
    schema: positiveSeconds.optional(),
    expected: aDuration,
    example: 'startup_time: 120',
    what: 'Seconds from start to ready: a first estimate, then learned.',
    shown: `\`${modelDefaults.startupTimeMs / 1000}\``,
  },
  service_time: {
    schema: positiveSeconds.optional(),
    expected: aDuration,
    example: 'service_time: 8',
    what: 'Seconds that one job takes: a first estimate, then learned.',
    shown: `\`${modelDefaults.serviceTimeMs / 1000}\``,
  },
  vram_gb: {
    schema: z.number().nonnegative().max(4096).optional(),
    expected: 'a number of GB, 0 on a CPU',
    example: 'vram_gb: 18',
    what: 'GPU memory it needs to be resident, in GB.',
    shown: '`0`',
  },
  concurrency: {
    schema: z.int().min(1).max(4096).optional(),
    expected: 'a whole number from 1 to 4096',
    example: 'concurrency: 4',
    what: 'Jobs at once on the ready server: more than 1 where it batches, 1 for diffusion.',
    shown: `\`${modelDefaults.concurrency}\``,
  },
  pinned: {
    schema: z.boolean().optional(),
    expected: 'true or false',
    example: 'pinned: true',
    what: 'Never evicted once it is loaded.',
    shown: '`false`',
  },
  sleep: {
    schema: z.boolean().optional(),
    expected: 'true or false',
    example: 'sleep: true',
    what: 'Evicted, it sleeps in host memory instead of ending, where its service can and the memory is there.',
    shown: '`false`',
  },
  sleep_ram_gb: {
    schema: z.number().nonnegative().max(4096).optional(),
    expected: 'a number of GB',
    example: 'sleep_ram_gb: 16',
    what: 'Host memory it takes asleep, in GB.',
    shown: '`vram_gb`',
  },
  read_ahead: {
    schema: z.boolean().optional(),
    expected: 'true or false',
    example: 'read_ahead: false',
    what: 'Reads its weights into the page cache while the model before it drains.',
    shown: '`true`',
  },
  args: {
    schema: z.record(z.string(), z.unknown()).optional(),
    expected: 'a map',
    example: 'args: { max_model_len: 8192 }',
    what: 'Handed to the service as it stands; what it may hold is up to the service.',
    shown: '`{}`',
  },
  allow_weights: {
    schema: z.array(z.string().min(1)).optional(),
    expected: 'a list of file names or patterns',
    example: 'allow_weights: [pytorch_model.bin]',
    what: 'Weights that `models pull` may fetch although they are no safetensors. Some formats run code when they are loaded.',
    shown: 'safetensors only',
  },
  queue_cap: {
    schema: z.int().min(1).max(10_000_000).optional(),
    expected: 'a whole number, 1 or more',
    example: `queue_cap: ${modelDefaults.queueCap}`,
    what: 'Waiting jobs before further ones are refused with 429.',
    shown: `\`${modelDefaults.queueCap}\``,
  },
  queue_ttl: secondsField(
    'queue_ttl',
    modelDefaults.queueTtlMs,
    'Seconds that a job may wait before it expires.',
  ),
  execution_timeout: secondsField(
    'execution_timeout',
    modelDefaults.executionTimeoutMs,
    'Longest run of one attempt, in seconds.',
  ),
  deadlines: {
    schema: z.strictObject(shapeOf(deadlineFields)).optional(),
    expected: 'a map of deadlines in seconds',
    example: 'deadlines: { first_token: 120 }',
    what: 'How long a silence may last before the server counts as hung; see below.',
    shown: 'see below',
    fields: deadlineFields,
  },
} as const satisfies Record<string, Field>;

export const modelSchema = z.strictObject(shapeOf(modelFields));
export type ModelInput = z.infer<typeof modelSchema>;
