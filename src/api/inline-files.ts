import { errors } from '../contracts/error-catalogue.ts';
import type { FormRules } from '../contracts/openai/forms.ts';

/** A file that came as a data URL in JSON. */
export interface InlineFile {
  readonly field: string;
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: Buffer;
}

export interface Parted {
  readonly values: Readonly<Record<string, unknown>>;
  readonly files: readonly InlineFile[];
}

/**
 * Takes the files out of a JSON body: `file: "data:audio/wav;base64,…"`, or OpenAI's `images: [{ image_url: "data:…" }]`.
 * @throws invalid_value; links are not fetched
 */
export function partFiles(rules: FormRules, body: Readonly<Record<string, unknown>>, prefix = ''): Parted {
  const values = { ...body };
  const files = Object.keys(rules.files).flatMap((name) => {
    const sources = [name, `${name}s`].flatMap((key) => sourcesOf(values, key, prefix));
    const most = rules.files[name]?.most ?? 0;
    if (sources.length > most) throw errors.invalidValue(`${prefix}${name}`, `at most ${most}.`);
    const field = sources.length > 1 ? `${name}[]` : name;
    return sources.map(({ param, source }) => inlineFile(field, name, param, source));
  });
  return { values, files };
}

/** What stands under a key, which is taken out. */
function sourcesOf(values: Record<string, unknown>, key: string, prefix: string) {
  const value = values[key];
  if (value === undefined || value === null) return [];
  delete values[key];
  return [value].flat().map((source: unknown) => ({ param: `${prefix}${key}`, source }));
}

function inlineFile(field: string, name: string, param: string, source: unknown): InlineFile {
  const url = urlOf(source);
  if (url !== null && /^https?:/i.test(url))
    throw errors.invalidValue(param, 'links are not fetched; send the bytes in a form or as a data URL.');
  const [head, type = 'application/octet-stream'] =
    /^data:([\w.+-]+\/[\w.+-]+)?(?:;[^,]{0,200})?,/i.exec(url ?? '') ?? [];
  if (url === null || head === undefined || !/;base64,$/i.test(head))
    throw errors.invalidValue(param, 'expected a data URL such as "data:image/png;base64,…".');
  const bytes = Buffer.from(url.slice(head.length), 'base64');
  if (bytes.length === 0) throw errors.invalidValue(param, 'the file is empty, or not base64.');
  const contentType = type.toLowerCase();
  return { field, fileName: `${name}.${contentType.split('/')[1] ?? 'bin'}`, contentType, bytes };
}

/** A URL as it is, or as OpenAI wraps it. */
function urlOf(source: unknown): string | null {
  if (typeof source === 'string') return source;
  if (typeof source !== 'object' || source === null || !('image_url' in source)) return null;
  const { image_url: url } = source;
  if (typeof url === 'string') return url;
  return typeof url === 'object' && url !== null && 'url' in url && typeof url.url === 'string'
    ? url.url
    : null;
}
