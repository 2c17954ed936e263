import type { Request, Response } from 'express';
import { refuseHopelessWait } from '../admission.ts';
import { answerJson } from '../answer-json.ts';
import { StreamAnswer } from '../answer-stream.ts';
import type { Bond } from '../bond.ts';
import { checkWebhook } from '../check-webhook.ts';
import type { Api } from '../dependencies.ts';
import { fingerprintOf } from '../live-jobs.ts';
import { type JsonBody, readJsonBody } from '../middleware/body.ts';
import { toRoundhouseError } from '../middleware/error-response.ts';
import { keyIdOf } from '../middleware/request-context.ts';
import { forStorage, type ModelCall, planCall } from '../model-call.ts';
import { newJob, recordOf } from '../new-job.ts';
import { clientPatienceMs, isRetry, preferencesOf, waitBudgetMs } from '../request-headers.ts';
import { showJob } from '../show-job.ts';
import { submit } from '../submit.ts';
import { connect } from '../sync-wait.ts';

const longestHoldMs = 2000;

/** A call of a model's endpoint that waits for its result: a job, and a connection bound to it. */
export async function callModel(
  api: Api,
  endpoint: string,
  request: Request,
  response: Response,
): Promise<void> {
  const body = await readJsonBody(request, response);
  const call = planCall(api.registry(), endpoint, body);
  checkWebhook(api, call);
  if (preferencesOf(request.headers).respondAsync) return respondAsync(api, call, request, response);
  const bond = comeBack(api, call, body, request, response) ?? (await start(api, call, body, response));
  response.setHeader('x-job-id', bond.live.id);
  response.setHeader('location', `/jobs/${bond.live.id}`);
  await answer(api, call, bond, request, response);
}

/** The job of the same request that an SDK sends again. */
function comeBack(
  api: Api,
  call: ModelCall,
  body: JsonBody,
  request: Request,
  response: Response,
): Bond | null {
  if (!isRetry(request.headers)) return null;
  return api.liveJobs.retryOf(fingerprintOf(keyIdOf(response), call.endpoint, body.text));
}

async function start(api: Api, call: ModelCall, body: JsonBody, response: Response): Promise<Bond> {
  const nowMs = api.clock.now();
  refuseHopelessWait(call.spec, await api.boardView.current(), nowMs);
  const keyId = keyIdOf(response);
  const isBinding = (call.handling.webhook ?? null) === null;
  const job = newJob(call, { keyId, inboxId: api.inbox.id, nowMs, sync: isBinding });
  const bond = api.liveJobs.open(job, fingerprintOf(keyId, call.endpoint, body.text), isBinding);
  try {
    await submit(api, call, job);
    return bond;
  } catch (error) {
    bond.refuse(toRoundhouseError(error));
    throw error;
  }
}

async function answer(
  api: Api,
  call: ModelCall,
  bond: Bond,
  request: Request,
  response: Response,
): Promise<void> {
  const connection = connect(bond, response);
  if (!call.stream) {
    const budgetMs = waitBudgetMs(request.headers, api.settings.syncMaxWaitMs);
    return answerJson(api, bond, connection, response, budgetMs);
  }
  const patienceMs = clientPatienceMs(request.headers) ?? Number.POSITIVE_INFINITY;
  new StreamAnswer(api, bond, connection, response).start(Math.min(longestHoldMs, patienceMs / 2));
}

/** `Prefer: respond-async`: the same call as a job that nobody waits for. */
async function respondAsync(api: Api, call: ModelCall, request: Request, response: Response): Promise<void> {
  const stored = forStorage(call);
  const facts = { keyId: keyIdOf(response), inboxId: api.inbox.id, nowMs: api.clock.now(), sync: false };
  const job = newJob(stored, facts);
  await submit(api, stored, job);
  response.setHeader('preference-applied', 'respond-async');
  await showJob(api, request, response, recordOf(job), 202);
}
