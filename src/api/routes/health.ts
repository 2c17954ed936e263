import type { Request, Response } from 'express';
import { errors } from '../../contracts/error-catalogue.ts';
import type { RoundhouseError } from '../../contracts/errors.ts';
import { workerStaleAfterMs } from '../../contracts/model.ts';
import type { Api } from '../dependencies.ts';
import { sendError } from '../middleware/error-response.ts';
import { sendJson } from '../send-json.ts';

/** `GET /health`: this process is alive. */
export function getHealth(api: Api, _request: Request, response: Response): void {
  const uptimeS = Math.floor((api.clock.now() - api.startedAtMs) / 1000);
  sendJson(response, 200, { status: 'ok', uptime_seconds: uptimeS });
}

/** `GET /ready`: work that is sent now will be done. */
export async function getReady(api: Api, _request: Request, response: Response): Promise<void> {
  const problem = await whatIsMissing(api);
  if (problem) sendError(response, problem);
  else sendJson(response, 200, { status: 'ready' });
}

async function whatIsMissing(api: Api): Promise<RoundhouseError | null> {
  if (api.liveJobs.isStopping) return errors.shuttingDown();
  try {
    await api.board.ping();
    const workers = await api.board.workers();
    const seenAfterMs = api.clock.now() - workerStaleAfterMs;
    if (workers.some(({ atMs }) => atMs > seenAfterMs)) return null;
    return errors.notReady(`no worker was seen in the last ${workerStaleAfterMs / 1000} s`);
  } catch {
    return errors.notReady('Redis cannot be reached');
  }
}
