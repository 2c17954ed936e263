/** How a form's texts become the values of its schema, and which files it has. */
export interface FormRules {
  readonly fields: Readonly<Record<string, 'number' | 'boolean' | 'json' | 'list'>>;
  readonly files: Readonly<Record<string, FileRule>>;
}

export interface FileRule {
  readonly required: boolean;
  readonly most: number;
  /** Only what its first bytes show to be PNG, JPEG or WebP. */
  readonly isImage: boolean;
}

const ours = { policy: 'json', webhook_events_filter: 'list' } as const;

const speechForm: FormRules = {
  fields: {
    ...ours,
    temperature: 'number',
    stream: 'boolean',
    timestamp_granularities: 'list',
    include: 'list',
  },
  files: { file: { required: true, most: 1, isImage: false } },
};

const editForm: FormRules = {
  fields: {
    ...ours,
    n: 'number',
    seed: 'number',
    steps: 'number',
    num_inference_steps: 'number',
    guidance: 'number',
    guidance_scale: 'number',
    strength: 'number',
    output_compression: 'number',
    partial_images: 'number',
    stream: 'boolean',
  },
  files: {
    image: { required: true, most: 16, isImage: true },
    mask: { required: false, most: 1, isImage: true },
  },
};

/** OpenAI's paths that take files: as a form, or as data URLs in JSON. */
export const formRules: ReadonlyMap<string, FormRules> = new Map([
  ['/v1/audio/transcriptions', speechForm],
  ['/v1/audio/translations', speechForm],
  ['/v1/images/edits', editForm],
]);

/** `image[]` is `image`, one of several. */
export const plainName = (name: string): string => (name.endsWith('[]') ? name.slice(0, -2) : name);

/** The texts of a form as the values that JSON would have. What does not fit stays a text, for the schema to refuse. */
export function formValues(
  rules: FormRules,
  texts: readonly (readonly [name: string, text: string])[],
): Record<string, unknown> {
  const values = new Map<string, unknown>();
  for (const [sent, text] of texts) {
    const name = plainName(sent);
    const kind = Object.hasOwn(rules.fields, name) ? rules.fields[name] : undefined;
    const before = values.get(name);
    if (kind === 'list') values.set(name, [...(Array.isArray(before) ? before : []), text]);
    else values.set(name, before === undefined ? parsed(kind, text) : [before, text].flat());
  }
  return Object.fromEntries(values);
}

function parsed(kind: FormRules['fields'][string] | undefined, text: string): unknown {
  if (kind === 'number') return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  if (kind === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (kind === 'json') return jsonOr(text);
  return text;
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The values of a call as the texts of a form for its model server. */
export function formTexts(values: Readonly<Record<string, unknown>>): readonly (readonly [string, string])[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === null || value === undefined) return [];
    if (!Array.isArray(value)) return [[name, textOf(value)] as const];
    return value.map((each) => [`${name}[]`, textOf(each)] as const);
  });
}

const textOf = (value: unknown): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value);
