import type { Request, Response } from 'express';
import { errors } from '../../contracts/error-catalogue.ts';
import type { Api } from '../dependencies.ts';
import { historyQuerySchema, logsQuerySchema } from '../query.ts';
import { findModel } from '../resolve-model.ts';
import { sendJson } from '../send-json.ts';
import { validate } from '../validation.ts';
import { historyView } from '../views/history.ts';
import { modelView } from '../views/model.ts';
import { modelParam } from './models.ts';

export type ModelAction = 'load' | 'unload' | 'pause' | 'resume';

/** `POST /admin/models/:id/<action>`: told to the workers; the answer is the model as it is at this moment. */
export async function actOnModel(
  api: Api,
  action: ModelAction,
  request: Request,
  response: Response,
): Promise<void> {
  const spec = findModel(api.registry(), modelParam(request));
  await api.board.send({ type: action, model: spec.id });
  api.boardView.forget();
  const board = await api.boardView.current();
  sendJson(response, 202, { ...modelView(spec, board, api.startedAtMs), requested: action });
}

/** `GET /admin/history`: what happened, newest first; kept over restarts. */
export async function getHistory(api: Api, request: Request, response: Response): Promise<void> {
  const { kind, limit } = validate(historyQuerySchema, request.query);
  const entries = await api.board.history(kind, limit);
  sendJson(response, 200, { object: 'list', kind, data: entries.map(historyView) });
}

/** `GET /admin/models/:id/logs`: the end of the log of the model's server. */
export async function getLogs(api: Api, request: Request, response: Response): Promise<void> {
  const { lines } = validate(logsQuerySchema, request.query);
  const spec = findModel(api.registry(), modelParam(request));
  const tail = await api.logs.tail(spec.id, lines);
  if (tail === null) throw errors.logsNotFound(spec.id);
  sendJson(response, 200, { object: 'model.logs', model: spec.id, lines: tail });
}
