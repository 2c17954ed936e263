import type { Request, Response } from 'express';
import { errors } from '../../contracts/error-catalogue.ts';
import type { Artifact, JobRecord } from '../../contracts/job.ts';
import { fileNameOf } from '../../platform/artifact-names.ts';
import { type ByteRange, parseRange } from '../../platform/byte-range.ts';
import type { Api } from '../dependencies.ts';
import { keyIdOf } from '../middleware/request-context.ts';
import { findOwnJob } from '../own-job.ts';
import { sendBytes } from '../send-bytes.ts';

/** `GET /jobs/:id/content[/:index]`: a file that the job made, or a range of it. */
export async function getContent(api: Api, request: Request, response: Response): Promise<void> {
  const record = await findOwnJob(api.jobs, keyIdOf(response), String(request.params.id));
  const file = fileOf(record, String(request.params.index ?? '0'));
  if (request.headers['if-none-match'] === `"${file.sha256}"`) {
    setHeaders(response, record, file);
    response.statusCode = 304;
    response.end();
  } else {
    await sendContent(api, request, response, record, file);
  }
}

function fileOf(record: JobRecord, index: string): Artifact {
  if (record.status !== 'completed') throw errors.jobNotCompleted(record.id, record.status);
  const file = record.files.find((one) => String(one.index) === index);
  if (file === undefined) throw errors.contentNotFound(record.id, Number.parseInt(index, 10) || 0);
  return file;
}

function wantedRange({ headers }: Request, { bytes, sha256 }: Artifact): ByteRange | null {
  const isStale = headers['if-range'] !== undefined && headers['if-range'] !== `"${sha256}"`;
  const range = isStale ? null : parseRange(headers.range, bytes);
  if (range === 'unsatisfiable') throw errors.rangeNotSatisfiable(bytes);
  return range;
}

function setHeaders(response: Response, { id }: JobRecord, { contentType, index, sha256 }: Artifact): void {
  response.setHeader('content-type', contentType);
  response.setHeader('content-disposition', `attachment; filename="${id}-${fileNameOf(index, contentType)}"`);
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('content-security-policy', "sandbox; default-src 'none'");
  response.setHeader('accept-ranges', 'bytes');
  response.setHeader('cache-control', 'private, max-age=3600');
  response.setHeader('etag', `"${sha256}"`);
  response.setHeader('x-job-id', id);
}

async function sendContent(
  api: Api,
  request: Request,
  response: Response,
  record: JobRecord,
  file: Artifact,
): Promise<void> {
  const range = wantedRange(request, file);
  const content = await api.artifacts.open(record, file.index, range ?? undefined);
  if (content === null) throw errors.contentExpired(record.id);
  setHeaders(response, record, file);
  response.statusCode = range ? 206 : 200;
  if (range) response.setHeader('content-range', `bytes ${range.start}-${range.end}/${file.bytes}`);
  response.setHeader('content-length', range ? range.end - range.start + 1 : file.bytes);
  if (request.method === 'HEAD') {
    content.destroy();
    response.end();
  } else {
    await sendBytes(content, response);
  }
}
