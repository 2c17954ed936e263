import { z } from 'zod';
import type { AdmissionWindow } from '../contracts/admission-window.ts';
import type { SchedulerParams } from '../contracts/scheduler-params.ts';
import { admissionDefaults, schedulerDefaults } from './defaults.ts';
import { type Field, shapeOf } from './field.ts';

const seconds = z.number().nonnegative().max(604_800);
const factor = z.number().nonnegative().max(1000);

const perClass = <Schema extends z.ZodType>(schema: Schema) =>
  z.strictObject({
    interactive: schema.optional(),
    normal: schema.optional(),
    batch: schema.optional(),
  });

const classKeys = (name: string, expected: string, value: number) =>
  Object.fromEntries(
    ['interactive', 'normal', 'batch'].map((key) => [
      key,
      {
        schema: z.unknown(),
        expected,
        example: `${name}: { ${key}: ${value} }`,
        what: '',
        shown: '',
      } satisfies Field,
    ]),
  );

const perClassField = <Schema extends z.ZodType>(
  name: string,
  schema: Schema,
  expected: string,
  values: readonly [number, number, number],
  what: string,
) => {
  const shown = `{ interactive: ${values[0]}, normal: ${values[1]}, batch: ${values[2]} }`;
  return {
    schema: perClass(schema).optional(),
    expected: `a map of interactive, normal and batch, each ${expected}`,
    example: `${name}: ${shown}`,
    what,
    shown: `\`${shown}\``,
    fields: classKeys(name, expected, values[0]),
  };
};

const secondsField = (name: string, valueMs: number, what: string) => ({
  schema: seconds.optional(),
  expected: 'a number of seconds',
  example: `${name}: ${valueMs / 1000}`,
  what,
  shown: `\`${valueMs / 1000}\``,
});

const factorField = (name: string, value: number, what: string) => ({
  schema: factor.optional(),
  expected: 'a number, 0 or more',
  example: `${name}: ${value}`,
  what,
  shown: `\`${value}\``,
});

const switchField = (name: string, value: boolean, what: string) => ({
  schema: z.boolean().optional(),
  expected: 'true or false',
  example: `${name}: ${value}`,
  what,
  shown: `\`${value}\``,
});

const jobsField = (name: string, value: number, what: string) => ({
  schema: z.int().min(1).max(1_000_000).optional(),
  expected: 'a whole number from 1 to 1000000',
  example: `${name}: ${value}`,
  what,
  shown: `\`${value}\``,
});

const inSeconds = ([interactive, normal, batch]: readonly [number, number, number]) =>
  [interactive / 1000, normal / 1000, batch / 1000] as const;

const d = schedulerDefaults;
const w = admissionDefaults;
const aTime = 'a number of seconds';
const aFactor = 'a number, 0 or more';

/** `scheduler:` of the models file. The letter at the end of each text is the name in the policy's formulas. */
export const schedulerFields = {
  target_wait_s: perClassField(
    'target_wait_s',
    z.number().positive().max(604_800),
    'a number of seconds over 0',
    inSeconds(d.target),
    'Seconds of waiting that cost one unit of pain: how much the classes are worth against each other (target).',
  ),
  max_wait_s: perClassField(
    'max_wait_s',
    seconds,
    aTime,
    inSeconds(d.maxWait),
    'Seconds after which a waiting job makes its model overdue, which beats every other reason (maxWait).',
  ),
  max_wait_cycles: factorField(
    'max_wait_cycles',
    d.phi,
    '`max_wait_s` is never promised below this many full rounds over all waiting models (φ).',
  ),
  min_stay_swaps: perClassField(
    'min_stay_swaps',
    factor,
    aFactor,
    d.kappa,
    'A model with work left stays for at least this many round-trip swap times, by the class that wants its place (κ).',
  ),
  rent_share: factorField(
    'rent_share',
    d.beta,
    'Swap when the pain suffered reaches this share of the pain the swap causes (β).',
  ),
  soft_drain_jobs: factorField(
    'soft_drain_jobs',
    d.soft,
    'A victim without a queue goes on taking jobs for this many service times, hoping for a natural gap (soft).',
  ),
  soft_drain_cap_s: secondsField('soft_drain_cap_s', d.softCap, 'Longest such window, in seconds (softCap).'),
  settle_share: factorField(
    'settle_share',
    d.settle,
    'A burst settles for this share of the load time before its first model is chosen (settle).',
  ),
  settle_cap_s: secondsField('settle_cap_s', d.settleCap, 'Longest settling, in seconds (settleCap).'),
  preload: switchField('preload', d.spec, 'Load what is likely wanted next when nothing waits (spec).'),
  preload_idle_s: secondsField(
    'preload_idle_s',
    d.specIdle,
    'Seconds of complete idleness before that (specIdle).',
  ),
  preload_margin: factorField(
    'preload_margin',
    d.specMargin,
    'It must be worth this many times what it evicts (specMargin).',
  ),
  starvation_guard: switchField(
    'starvation_guard',
    d.guard,
    'Keep the promise of `max_wait_s`; off only for measurements (guard).',
  ),
  fair_keys: switchField(
    'fair_keys',
    true,
    'Only so many jobs of one API key wait in a lane; the rest wait in a backlog of the key, where the policy does not see them.',
  ),
  key_window_alone_jobs: jobsField(
    'key_window_alone_jobs',
    w.alone,
    'So many while no other key is active; never fewer than the model runs at once.',
  ),
  key_window_shared_jobs: jobsField(
    'key_window_shared_jobs',
    w.shared,
    'So many while several keys are active; never fewer than the model runs at once.',
  ),
  key_active_s: secondsField(
    'key_active_s',
    w.activeForMs,
    'Seconds for which a key counts as active after it sent a job.',
  ),
} as const;

export const schedulerSchema = z.strictObject(shapeOf(schedulerFields));
export type SchedulerInput = z.infer<typeof schedulerSchema>;

/** Seconds of the file to the milliseconds of the policy, defaults filled in. */
export function schedulerParams(input: SchedulerInput = {}): SchedulerParams {
  return {
    target: triple(input.target_wait_s, d.target, 1000),
    maxWait: triple(input.max_wait_s, d.maxWait, 1000),
    phi: input.max_wait_cycles ?? d.phi,
    kappa: triple(input.min_stay_swaps, d.kappa, 1),
    beta: input.rent_share ?? d.beta,
    soft: input.soft_drain_jobs ?? d.soft,
    softCap: ms(input.soft_drain_cap_s) ?? d.softCap,
    settle: input.settle_share ?? d.settle,
    settleCap: ms(input.settle_cap_s) ?? d.settleCap,
    specIdle: ms(input.preload_idle_s) ?? d.specIdle,
    specMargin: input.preload_margin ?? d.specMargin,
    guard: input.starvation_guard ?? d.guard,
    spec: input.preload ?? d.spec,
  };
}

/** null: switched off. */
export function admissionWindow(input: SchedulerInput = {}): AdmissionWindow | null {
  if (input.fair_keys === false) return null;
  return {
    alone: input.key_window_alone_jobs ?? w.alone,
    shared: input.key_window_shared_jobs ?? w.shared,
    activeForMs: ms(input.key_active_s) ?? w.activeForMs,
  };
}

type PerClass = { interactive?: number | undefined; normal?: number | undefined; batch?: number | undefined };

function triple(
  input: PerClass | undefined,
  [interactive, normal, batch]: readonly [number, number, number],
  scale: number,
): [number, number, number] {
  const scaled = (value: number | undefined, fallback: number) =>
    value === undefined ? fallback : value * scale;
  return [
    scaled(input?.interactive, interactive),
    scaled(input?.normal, normal),
    scaled(input?.batch, batch),
  ];
}

const ms = (value: number | undefined) => (value === undefined ? undefined : Math.round(value * 1000));
