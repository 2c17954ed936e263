import { randomUUID } from 'node:crypto';
import { errors } from '../contracts/error-catalogue.ts';
import type { JobId } from '../contracts/ids.ts';
import { formTexts } from '../contracts/openai/forms.ts';
import type { Upload, Uploads } from '../contracts/upload.ts';
import type { HttpRequest } from '../platform/http-exchange.ts';
import { GenerationFailed } from './generation-failed.ts';
import type { UploadSource } from './ports.ts';

/** What of a job its model server gets to see. */
export interface ServedJob {
  readonly id: JobId;
  readonly endpoint: string;
  readonly body: string;
  readonly uploads?: Uploads | null;
}

type ServerRequest = Omit<HttpRequest, 'signal'>;

/** What a job sends its model server: its JSON as it is, or a form with the files that came with it. */
export function serverRequest(job: ServedJob, attempt: number, source: UploadSource): ServerRequest {
  const { uploads = null } = job;
  if (uploads === null) return jsonRequest(job, attempt);
  const values = JSON.parse(job.body) as Record<string, unknown>;
  const { headers, body } = form(job.id, values, uploads, source);
  return { method: 'POST', path: job.endpoint, headers: { ...headers, ...namesOf(job, attempt) }, body };
}

/** The request of a job without files. */
export function jsonRequest(job: ServedJob, attempt: number): ServerRequest {
  const headers = { 'content-type': 'application/json', ...namesOf(job, attempt) };
  return { method: 'POST', path: job.endpoint, headers, body: job.body };
}

const namesOf = ({ id }: ServedJob, attempt: number) => ({ 'x-job-id': id, 'x-attempt': String(attempt) });

interface FilePart {
  readonly head: Buffer;
  readonly upload: Upload;
}

function form(
  jobId: JobId,
  values: Readonly<Record<string, unknown>>,
  uploads: Uploads,
  source: UploadSource,
): { readonly headers: Readonly<Record<string, string>>; readonly body: AsyncIterable<Uint8Array> } {
  const boundary = `roundhouse-${randomUUID()}`;
  const fields = Buffer.from(
    formTexts(values)
      .map(([name, text]) => fieldPart(boundary, name, text))
      .join(''),
  );
  const files = uploads.files.map((upload) => ({ head: Buffer.from(fileHead(boundary, upload)), upload }));
  const tail = Buffer.from(`--${boundary}--\r\n`);
  const length = files.reduce(
    (sum, { head, upload }) => sum + head.length + upload.bytes + 2,
    fields.length + tail.length,
  );
  async function* body(): AsyncGenerator<Uint8Array> {
    yield fields;
    for (const part of files) yield* filePart(part, source, jobId, uploads.url);
    yield tail;
  }
  const type = `multipart/form-data; boundary=${boundary}`;
  return { headers: { 'content-type': type, 'content-length': String(length) }, body: body() };
}

/** A file that cannot be read, or is not what came, is no fault of the model server. */
async function* filePart(
  { head, upload }: FilePart,
  source: UploadSource,
  jobId: JobId,
  url: string | null,
): AsyncGenerator<Uint8Array> {
  yield head;
  let sent = 0;
  try {
    const bytes = await source.open(jobId, upload, url);
    for await (const piece of bytes ?? []) {
      sent += piece.length;
      yield piece;
    }
  } catch {
    sent = -1;
  }
  if (sent !== upload.bytes)
    throw new GenerationFailed(errors.uploadGone(upload.fileName).toBody(), 'server');
  yield Buffer.from('\r\n');
}

const fieldPart = (boundary: string, name: string, text: string): string =>
  `--${boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"\r\n\r\n${text}\r\n`;

const fileHead = (boundary: string, { field, fileName, contentType }: Upload): string =>
  `--${boundary}\r\ncontent-disposition: form-data; name="${quoted(field)}"; filename="${quoted(fileName)}"\r\n` +
  `content-type: ${oneLine(contentType)}\r\n\r\n`;

/** As browsers write names into a form's headers. */
const quoted = (text: string): string =>
  text.replaceAll('\r', '%0D').replaceAll('\n', '%0A').replaceAll('"', '%22');

const oneLine = (text: string): string => text.replaceAll(/[\r\n]+/g, ' ');
