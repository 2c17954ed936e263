import type { Response } from 'express';
import { errors } from '../contracts/error-catalogue.ts';
import type { Artifact, JobRecord } from '../contracts/job.ts';
import { failureOf } from './admission.ts';
import type { Api } from './dependencies.ts';
import type { ArtifactSource } from './ports.ts';
import { sendBytes } from './send-bytes.ts';
import { sendJson } from './send-json.ts';

/**
 * Answers a sync call with what its job came to: the model's JSON or file as it is.
 * @throws the job's error, when it has no result
 */
export async function sendResult(api: Api, response: Response, record: JobRecord): Promise<void> {
  if (record.status !== 'completed') throw await failureOf(api, record);
  response.setHeader('openai-processing-ms', processingMs(record));
  const [file] = record.files;
  if (file === undefined) sendJson(response, 200, record.output);
  else await sendFile(api.artifacts, response, record, file);
}

async function sendFile(artifacts: ArtifactSource, response: Response, record: JobRecord, file: Artifact) {
  const bytes = await artifacts.open(record, file.index);
  if (bytes === null) throw errors.contentExpired(record.id);
  response.setHeader('content-type', file.contentType);
  response.setHeader('content-length', file.bytes);
  response.setHeader('x-content-type-options', 'nosniff');
  await sendBytes(bytes, response);
}

const processingMs = ({ createdAtMs, completedAtMs }: JobRecord): number =>
  Math.max(0, (completedAtMs ?? createdAtMs) - createdAtMs);
