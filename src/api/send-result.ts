import type { Response } from 'express';
import { errors } from '../contracts/error-catalogue.ts';
import type { Artifact, JobRecord } from '../contracts/job.ts';
import { type JobLinks, outputView } from '../contracts/job-view.ts';
import { isMediaOutput } from '../contracts/media-output.ts';
import { failureOf } from './admission.ts';
import type { Api } from './dependencies.ts';
import { inlineJson } from './inline-json.ts';
import type { AnswerShape } from './media-call.ts';
import type { ArtifactSource } from './ports.ts';
import { sendBytes } from './send-bytes.ts';
import { sendJson } from './send-json.ts';

export interface ResultForm {
  readonly shape: AnswerShape;
  /** Asked only where the answer has links. */
  readonly links: () => JobLinks;
}

/**
 * Answers a sync call with what its job came to: the model's JSON, its files in the form that was asked for, or its
 * only file as it is.
 * @throws the job's error, when it has no result
 */
export async function sendResult(
  api: Api,
  response: Response,
  record: JobRecord,
  { shape, links }: ResultForm,
): Promise<void> {
  if (record.status !== 'completed') throw await failureOf(api, record);
  response.setHeader('openai-processing-ms', processingMs(record));
  const [file] = record.files;
  if (file === undefined) sendJson(response, 200, record.output);
  else if (shape === 'bytes' || !isMediaOutput(record.endpoint, record.output))
    await sendFile(api.artifacts, response, record, file);
  else if (shape === 'url') sendJson(response, 200, outputView(record, links()));
  else await sendInline(api.artifacts, response, record);
}

async function sendFile(artifacts: ArtifactSource, response: Response, record: JobRecord, file: Artifact) {
  const bytes = await artifacts.open(record, file.index);
  if (bytes === null) throw errors.contentExpired(record.id);
  response.setHeader('content-type', file.contentType);
  response.setHeader('content-length', file.bytes);
  response.setHeader('x-content-type-options', 'nosniff');
  await sendBytes(bytes, response);
}

async function sendInline(artifacts: ArtifactSource, response: Response, record: JobRecord): Promise<void> {
  const { bytes, content } = await inlineJson(artifacts, record);
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.setHeader('content-length', bytes);
  await sendBytes(content, response);
}

const processingMs = ({ createdAtMs, completedAtMs }: JobRecord): number =>
  Math.max(0, (completedAtMs ?? createdAtMs) - createdAtMs);
