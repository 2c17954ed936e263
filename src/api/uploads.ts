import type { Request, Response } from 'express';
import { errors } from '../contracts/error-catalogue.ts';
import { formatOf, isImage, signatureBytes } from '../contracts/file-signature.ts';
import type { JobId } from '../contracts/ids.ts';
import { type FormRules, formRules, formValues, plainName } from '../contracts/openai/forms.ts';
import type { Upload, Uploads } from '../contracts/upload.ts';
import { pieceOf, withHead } from '../platform/stream-head.ts';
import type { Api } from './dependencies.ts';
import type { InlineFile } from './inline-files.ts';
import type { JsonBody } from './middleware/body.ts';
import { type FormFile, readForm } from './middleware/form.ts';
import type { ModelCall } from './model-call.ts';
import { newJobId } from './new-job.ts';

/** A form that was read: its values, and its files on the disk under the id of the job to be. */
export interface Received {
  readonly jobId: JobId;
  readonly body: JsonBody;
  readonly files: readonly Upload[];
}

/**
 * Reads a form, its files straight to the disk.
 * @throws every 4xx of an upload, storage_full; nothing is left on the disk then
 */
export async function receiveForm(
  api: Api,
  rules: FormRules,
  request: Request,
  response: Response,
): Promise<Received> {
  const jobId = newJobId(api.clock.now());
  return orDiscard(api, jobId, async () => {
    const { texts, files } = await readForm(request, response, {
      rules,
      maxFileBytes: api.settings.uploadMaxBytes,
      store: (file) => storeFile(api, jobId, rules, file),
    });
    const value = formValues(rules, texts);
    return { jobId, body: { text: identityOf(value, files), value }, files };
  });
}

/** The same form sent again has the same one. */
const identityOf = (value: object, files: readonly Upload[]): string =>
  JSON.stringify([value, files.map(({ field, sha256 }) => [field, sha256])]);

/** @throws missing_required_parameter */
export function checkFiles(
  { files }: FormRules,
  present: readonly { readonly field: string }[],
  prefix = '',
): void {
  const names = new Set(present.map(({ field }) => plainName(field)));
  for (const [name, { required }] of Object.entries(files))
    if (required && !names.has(name)) throw errors.missingParameter(`${prefix}${name}`);
}

/** What a job needs to know of its files. */
interface JobFiles {
  readonly id?: JobId;
  readonly uploads?: Uploads;
}

/**
 * Makes a job of a call, with the files of its form or of its body; those of the body are stored now.
 * @throws invalid_image, storage_full; what `make` throws. Nothing is left on the disk then
 */
export async function withUploads<Made>(
  api: Api,
  { endpoint, files }: Pick<ModelCall, 'endpoint' | 'files'>,
  { jobId, files: stored }: { readonly jobId: JobId | null; readonly files: readonly Upload[] | null },
  make: (files: JobFiles) => Promise<Made>,
): Promise<Made> {
  if (jobId !== null && stored !== null)
    return make({ id: jobId, uploads: { url: api.uploads.url(), files: stored } });
  const rules = formRules.get(endpoint);
  if (rules === undefined || files.length === 0) return make({});
  const id = newJobId(api.clock.now());
  return orDiscard(api, id, async () => {
    const uploads = { url: api.uploads.url(), files: await storeInline(api, id, rules, files) };
    return make({ id, uploads });
  });
}

/** Files of which no job comes are removed. */
export async function orDiscard<Made>(api: Api, jobId: JobId, make: () => Promise<Made>): Promise<Made> {
  try {
    return await make();
  } catch (error) {
    await discard(api, jobId);
    throw error;
  }
}

export const discard = (api: Api, jobId: JobId): Promise<void> => api.uploads.remove(jobId);

async function storeInline(
  api: Api,
  jobId: JobId,
  rules: FormRules,
  files: readonly InlineFile[],
): Promise<readonly Upload[]> {
  const stored: Upload[] = [];
  for (const [index, file] of files.entries())
    stored.push(await storeFile(api, jobId, rules, { ...file, index, bytes: pieceOf(file.bytes) }));
  return stored;
}

async function storeFile(api: Api, jobId: JobId, rules: FormRules, file: FormFile): Promise<Upload> {
  const { index, field, fileName, contentType } = file;
  const rule = rules.files[plainName(field)];
  const bytes = rule?.isImage ? onlyImages(file) : file.bytes;
  const written = await api.uploads.write(jobId, index, contentType, bytes);
  if (written.bytes === 0) throw errors.invalidValue(plainName(field), 'the file is empty.');
  return {
    index,
    field,
    fileName: fileName.slice(-200),
    contentType,
    bytes: written.bytes,
    sha256: written.sha256,
  };
}

async function* onlyImages({ field, bytes }: FormFile): AsyncGenerator<Uint8Array> {
  const { head, all } = await withHead(bytes, signatureBytes);
  const format = formatOf(head);
  if (head.length > 0 && (format === null || !isImage(format)))
    throw errors.invalidImage(plainName(field), 'the file is no PNG, JPEG or WebP image.');
  yield* all;
}
