import type { Response } from 'express';
import { errors } from '../contracts/error-catalogue.ts';
import type { Bond } from './bond.ts';
import type { Api } from './dependencies.ts';
import { type ResultForm, sendResult } from './send-result.ts';
import { type Connection, waitForEnd } from './sync-wait.ts';

export interface JsonWish extends ResultForm {
  readonly budgetMs: number;
}

/**
 * Waits without a byte, so that the answer keeps its status, and sends the result.
 * @throws the job's error; sync_timeout when the budget is spent
 */
export async function answerJson(
  api: Api,
  bond: Bond,
  connection: Connection,
  response: Response,
  wish: JsonWish,
): Promise<void> {
  const { live } = bond;
  const { budgetMs } = wish;
  const end = await waitForEnd(live, response, budgetMs, api.clock);
  switch (end.kind) {
    case 'ended':
      if (end.record === null) throw errors.jobNotFound(live.id);
      return sendResult(api, response, end.record, wish);
    case 'refused':
      throw end.error;
    case 'over':
      connection.parting = 'kept';
      throw errors.syncTimeout(live.id, Math.round(budgetMs / 1000));
    case 'left':
      return;
    default:
      end satisfies never;
  }
}
