import { errors } from '../contracts/error-catalogue.ts';
import { type FileFormat, formatNamed, isImage } from '../contracts/file-signature.ts';
import { mediaEndpoints } from '../contracts/media-output.ts';
import { soundRequestSchema } from '../contracts/openai/music.ts';
import type { JsonBody } from './middleware/body.ts';
import { validate } from './validation.ts';

/** How a waiting client gets files: in the JSON, as links in it, or the first one alone. */
export type AnswerShape = 'b64_json' | 'url' | 'bytes';

export interface AskedEndpoint {
  readonly endpoint: string;
  readonly body: JsonBody;
}

export const soundEndpoint = '/v1/sound-generation';
const musicEndpoint = '/v1/audio/generations';
const defaultSoundFormat = 'mp3';

/**
 * A call of `/v1/sound-generation` as the one of `/v1/audio/generations` that it means; any other as it is.
 * @param format what ElevenLabs' clients put into the query as `output_format`
 * @throws invalid_value and its like, in the words of the endpoint that was called
 */
export function meant(
  endpoint: string,
  body: JsonBody,
  format?: unknown,
  prefix: readonly string[] = [],
): AskedEndpoint {
  if (endpoint !== soundEndpoint) return { endpoint, body };
  const sound = { ...body.value, ...(format === undefined ? {} : { output_format: format }) };
  const {
    model_id,
    model = model_id ?? undefined,
    text,
    output_format,
    ...rest
  } = validate(soundRequestSchema, sound, prefix);
  const value = {
    ...rest,
    ...(model === undefined ? {} : { model }),
    prompt: text,
    output_format: (output_format ?? defaultSoundFormat).split('_', 1)[0],
  };
  return { endpoint: musicEndpoint, body: { text: JSON.stringify(value), value } };
}

/**
 * What the client wants of the files.
 * @throws invalid_value when it wants several as one
 */
export function shapeOf(
  asked: string,
  endpoint: string,
  { response_format, n }: Readonly<Record<string, unknown>>,
  accept: string | undefined,
): AnswerShape {
  const kind = mediaEndpoints.get(endpoint);
  if (kind === undefined) return 'b64_json';
  if (asked === soundEndpoint || (kind === 'audio' && /^audio\//i.test(accept ?? ''))) {
    if (typeof n === 'number' && n > 1)
      throw errors.invalidValue('n', 'one file is sent as bytes; accept JSON for several.');
    return 'bytes';
  }
  return response_format === 'url' ? 'url' : 'b64_json';
}

/**
 * Fields to change before a model server sees them: how files travel is our affair, and a format has one name.
 * @param accept what the client accepts: of sounds it may name the format
 */
export function forServer(
  endpoint: string,
  { response_format: told, output_format: named }: Readonly<Record<string, unknown>>,
  accept?: string,
): Readonly<Record<string, unknown>> | null {
  const kind = mediaEndpoints.get(endpoint);
  if (kind === undefined) return null;
  const isFormat = told !== undefined && told !== null && told !== 'url' && told !== 'b64_json';
  const format = isFormat ? told : named || kind === 'image' ? null : soundAccepted(accept ?? '');
  if (told === undefined && format === null) return null;
  return { response_format: undefined, ...(format === null ? {} : { output_format: format }) };
}

/** The first format of sound that an `Accept` names; null: it names none. */
function soundAccepted(accept: string): FileFormat | null {
  const formats = accept.split(',').map(formatNamed);
  return formats.find((format) => format !== null && !isImage(format)) ?? null;
}
