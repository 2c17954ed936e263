import { z } from 'zod';

const soundFormats = ['wav', 'mp3', 'flac', 'ogg', 'opus'] as const;
const duration = z.number().positive().max(300).nullish();

/** `POST /v1/audio/generations`: as images are asked for, with a duration. */
export const musicRequestSchema = z.looseObject({
  model: z.string().min(1).optional(),
  prompt: z.string().min(1).max(4096),
  duration_seconds: duration,
  n: z.int().min(1).max(10).nullish(),
  seed: z.int().nullish(),
  output_format: z.enum(soundFormats).nullish(),
  /** How the answer carries its files; a sound format is understood as `output_format`. */
  response_format: z.enum(['b64_json', 'url', ...soundFormats]).nullish(),
  stream: z.literal(false).nullish(),
});

/** ElevenLabs' names such as `mp3_44100_128`: the codec counts, rate and bit rate are the model's own. */
const codec = z
  .string()
  .regex(
    /^(wav|mp3|flac|ogg|opus)(_\d+)*$/,
    `expected one of ${soundFormats.join(', ')}, such as mp3_44100_128`,
  );

/** `POST /v1/sound-generation`: the same in ElevenLabs' words. */
export const soundRequestSchema = z.looseObject({
  model_id: z.string().min(1).nullish(),
  model: z.string().min(1).optional(),
  text: z.string().min(1).max(4096),
  duration_seconds: duration,
  prompt_influence: z.number().min(0).max(1).nullish(),
  output_format: codec.nullish(),
});
