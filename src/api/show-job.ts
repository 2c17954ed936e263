import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import { isTerminal, type JobRecord } from '../contracts/job.ts';
import { jobView } from '../contracts/job-view.ts';
import { loadingView } from './board-view.ts';
import type { Api } from './dependencies.ts';
import { startsInMs } from './forecast.ts';
import { linksOf } from './links.ts';
import { pollAfterMs } from './poll-hint.ts';
import { sendJson } from './send-json.ts';

/** Answers with a job as it stands, with its place in the queue and a hint when to ask again. */
export async function showJob(
  api: Api,
  request: Request,
  response: Response,
  record: JobRecord,
  status: number,
): Promise<void> {
  const view = await viewAtThisMoment(api, request, record);
  const tag = etagOf(view);
  response.setHeader('x-job-id', record.id);
  response.setHeader('location', `/jobs/${record.id}`);
  response.setHeader('cache-control', 'no-store');
  response.setHeader('etag', tag);
  if (!isTerminal(record.status)) hintPolling(api, response, record, view.estimated_start_at);
  if (request.method === 'GET' && request.headers['if-none-match'] === tag) {
    response.statusCode = 304;
    response.end();
  } else {
    sendJson(response, status, view);
  }
}

async function viewAtThisMoment(api: Api, request: Request, record: JobRecord) {
  const links = linksOf(api, request);
  if (record.status !== 'queued') return jobView(record, { links, position: null, startsAtMs: null });
  const [place, board] = await Promise.all([api.jobs.position(record.id), api.boardView.current()]);
  const spec = api.registry().models.get(record.model);
  const position = place?.position ?? null;
  const startsAtMs =
    position === null || spec === undefined ? null : api.clock.now() + startsInMs(position, spec, board);
  const isLoading = loadingView(board, record.model) !== null;
  return jobView(record, { links, position, startsAtMs, isLoading });
}

/** Of the state alone: an estimate that moves with the clock is no news. */
function etagOf(view: ReturnType<typeof jobView>): string {
  const text = JSON.stringify({ ...view, estimated_start_at: null });
  return `W/"${createHash('sha1').update(text).digest('base64url')}"`;
}

function hintPolling(api: Api, response: Response, record: JobRecord, startsAtS: number | null): void {
  const nowMs = api.clock.now();
  const remainingMs = startsAtS === null ? null : Math.max(0, startsAtS * 1000 - nowMs);
  const afterMs = pollAfterMs(nowMs - record.createdAtMs, remainingMs);
  response.setHeader('openai-poll-after-ms', String(afterMs));
  response.setHeader('retry-after', String(Math.ceil(afterMs / 1000)));
}
