import type { Request, Response } from 'express';
import type { BoardState } from '../board-view.ts';
import type { Api } from '../dependencies.ts';
import { findModel } from '../resolve-model.ts';
import { sendJson } from '../send-json.ts';
import { listView } from '../views/list.ts';
import { modelView } from '../views/model.ts';
import { queueView, workerView } from '../views/queue.ts';

/** `GET /v1/models`: what may run here, and what does. Answers from the models file even while Redis is away. */
export async function listModels(api: Api, _request: Request, response: Response): Promise<void> {
  const board = await boardOrNull(api);
  const views = [...api.registry().models.values()].map((spec) => modelView(spec, board, api.startedAtMs));
  sendJson(response, 200, listView(views));
}

/** `GET /v1/models/:id`; also by an alias, which may contain `/`. */
export async function getModel(api: Api, request: Request, response: Response): Promise<void> {
  const spec = findModel(api.registry(), modelParam(request));
  sendJson(response, 200, modelView(spec, await boardOrNull(api), api.startedAtMs));
}

/** `GET /v1/queue`: how many jobs wait and run per model, and who works on them. */
export async function listQueues(api: Api, _request: Request, response: Response): Promise<void> {
  const [depths, board, pingMs] = await Promise.all([
    api.jobs.depths(),
    api.boardView.fresh(),
    api.board.ping(),
  ]);
  const nowMs = api.clock.now();
  const { models, vramMb } = api.registry();
  const data = [...models.values()].map((spec) => queueView(spec, depths.get(spec.id), board, nowMs));
  const workers = board.workers.map((worker) => workerView(worker, nowMs));
  sendJson(response, 200, { object: 'list', data, workers, vram_mb: vramMb, redis_ping_ms: pingMs });
}

/** The model that a path names: its parts, joined again. */
export function modelParam({ params }: Request): string {
  const parts: unknown = params.model;
  return Array.isArray(parts) ? parts.join('/') : String(parts);
}

const boardOrNull = (api: Api): Promise<BoardState | null> => api.boardView.fresh().catch(() => null);
