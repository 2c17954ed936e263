import type { NextFunction, Request, Response } from 'express';
import { errors } from '../../contracts/error-catalogue.ts';
import { asJobId } from '../../contracts/ids.ts';
import type { Artifact, JobRecord } from '../../contracts/job.ts';
import { fileNameOf } from '../../platform/artifact-names.ts';
import { type ByteRange, parseRange } from '../../platform/byte-range.ts';
import type { Api } from '../dependencies.ts';
import { presentedKey } from '../middleware/authenticate.ts';
import { keyIdOf } from '../middleware/request-context.ts';
import { findOwnJob } from '../own-job.ts';
import { sendBytes } from '../send-bytes.ts';

/** `GET /jobs/:id/content[/:index]`: a file that the job made, or a range of it. */
export async function getContent(api: Api, request: Request, response: Response): Promise<void> {
  const record = await findOwnJob(api.jobs, keyIdOf(response), String(request.params.id));
  await answerFile(api, request, response, record, String(request.params.index ?? '0'));
}

const signedPath = /^(?:\/v1)?\/jobs\/(job_[0-9A-Z]{26})\/content(?:\/(\d{1,6}))?\/?$/;

/** A cheap look first: nearly no request is one. */
export const isSigned = ({ url }: Request): boolean => url.includes('sig=');

/**
 * The same by a signed link, which needs no key: the path that was signed is the one that is read, and nothing else is
 * reached without a key.
 * @throws invalid_link, job_expired
 */
export async function getSignedContent(
  api: Api,
  request: Request,
  response: Response,
  next: NextFunction,
): Promise<void> {
  const { sig, exp } = request.query;
  const [, id, index = '0'] = signedPath.exec(request.path) ?? [];
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (id === undefined || sig === undefined || !isRead || presentedKey(request.headers) !== null)
    return next();
  const file = { jobId: id, index: Number(index), expiresAtS: Number(exp) };
  if (!api.links.isValid(file, String(sig), api.clock.now() / 1000)) throw errors.invalidLink();
  const record = await api.jobs.find(asJobId(id));
  if (record === 'expired' || record === null) throw errors.jobExpired(id);
  await answerFile(api, request, response, record, String(file.index));
}

async function answerFile(
  api: Api,
  request: Request,
  response: Response,
  record: JobRecord,
  index: string,
): Promise<void> {
  const file = fileOf(record, index);
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
  if (record.dataRemoved) throw errors.contentExpired(record.id);
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
