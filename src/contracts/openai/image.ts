import { z } from 'zod';

const longestSide = 2048;

const size = z.string().refine(isSize, `expected "auto" or WIDTHxHEIGHT, each side 16 to ${longestSide}`);

function isSize(text: string): boolean {
  if (text === 'auto') return true;
  const sides = /^(\d{2,4})x(\d{2,4})$/.exec(text)?.slice(1).map(Number);
  return sides?.every((side) => side >= 16 && side <= longestSide) ?? false;
}

const steps = z.int().min(1).max(50).nullish();
const guidance = z.number().min(0).max(100).nullish();

/** A stream shows one image on its way. */
function streamsOne(
  context: z.core.ParsePayload<{ n?: number | null | undefined; stream?: boolean | null | undefined }>,
): void {
  const { n, stream } = context.value;
  if (stream !== true || (n ?? 1) === 1) return;
  context.issues.push({ code: 'custom', path: ['n'], message: 'a stream shows one image', input: n });
}

const imageFields = {
  model: z.string().min(1).optional(),
  n: z.int().min(1).max(10).nullish(),
  size: size.nullish(),
  seed: z.int().min(0).nullish(),
  steps,
  num_inference_steps: steps,
  guidance,
  guidance_scale: guidance,
  output_format: z.enum(['png', 'jpeg', 'webp']).nullish(),
  output_compression: z.int().min(0).max(100).nullish(),
  response_format: z.enum(['b64_json', 'url']).nullish(),
  stream: z.boolean().nullish(),
  partial_images: z.int().min(0).max(3).nullish(),
};

/** `POST /v1/images/generations` */
export const imageRequestSchema = z
  .looseObject({
    ...imageFields,
    prompt: z.string().min(1).max(32_000),
  })
  .check(streamsOne);

/** `POST /v1/images/edits`, but for its files. */
export const imageEditSchema = z
  .looseObject({
    ...imageFields,
    prompt: z.string().min(1).max(32_000),
    strength: z.number().min(0).max(1).nullish(),
  })
  .check(streamsOne);
