import type { Request, Response } from 'express';
import type { JobRecord } from '../../contracts/job.ts';
import { refuseHopelessWait } from '../admission.ts';
import { answerJson } from '../answer-json.ts';
import { StreamAnswer } from '../answer-stream.ts';
import type { Bond } from '../bond.ts';
import { checkWebhook } from '../check-webhook.ts';
import type { Api } from '../dependencies.ts';
import { fingerprintOf } from '../live-jobs.ts';
import { type JsonBody, parseBody, readBody } from '../middleware/body.ts';
import { toRoundhouseError } from '../middleware/error-response.ts';
import { keyIdOf } from '../middleware/request-context.ts';
import { forStorage, type ModelCall, planCall } from '../model-call.ts';
import { newJob, recordOf } from '../new-job.ts';
import { clientPatienceMs, isRetry, preferencesOf, waitBudgetMs } from '../request-headers.ts';
import { showJob } from '../show-job.ts';
import { submit } from '../submit.ts';
import { connect } from '../sync-wait.ts';

const longestHoldMs = 2000;

/** What a call has become: a connection bound to its job, or a job that nobody waits for. */
type Accepted = { readonly bond: Bond; readonly stream: boolean } | { readonly job: JobRecord };

/** A call of a model's endpoint that waits for its result: a job, and a connection bound to it. */
export async function callModel(
  api: Api,
  endpoint: string,
  request: Request,
  response: Response,
): Promise<void> {
  const accepted = await accept(api, endpoint, request, response);
  if ('job' in accepted) {
    response.setHeader('preference-applied', 'respond-async');
    return showJob(api, request, response, accepted.job, 202);
  }
  const { bond, stream } = accepted;
  response.setHeader('x-job-id', bond.live.id);
  response.setHeader('location', `/jobs/${bond.live.id}`);
  await answer(api, stream, bond, request, response);
}

/** Nothing of the body is held beyond this: waiting may take minutes. */
async function accept(api: Api, endpoint: string, request: Request, response: Response): Promise<Accepted> {
  const bytes = await readBody(request, response);
  return api.largeBodies.inTurn(bytes.length, async () => {
    const body = parseBody(bytes);
    const call = planCall(api.registry(), endpoint, body);
    checkWebhook(api, call);
    if (preferencesOf(request.headers).respondAsync) return { job: await respondAsync(api, call, response) };
    const bond = comeBack(api, call, body, request, response) ?? (await start(api, call, body, response));
    return { bond, stream: call.stream };
  });
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
  stream: boolean,
  bond: Bond,
  request: Request,
  response: Response,
): Promise<void> {
  const connection = connect(bond, response);
  if (!stream) {
    const budgetMs = waitBudgetMs(request.headers, api.settings.syncMaxWaitMs);
    return answerJson(api, bond, connection, response, budgetMs);
  }
  const patienceMs = clientPatienceMs(request.headers) ?? Number.POSITIVE_INFINITY;
  new StreamAnswer(api, bond, connection, response).start(Math.min(longestHoldMs, patienceMs / 2));
}

/** `Prefer: respond-async`: the same call as a job that nobody waits for. */
async function respondAsync(api: Api, call: ModelCall, response: Response): Promise<JobRecord> {
  const stored = forStorage(call);
  const facts = { keyId: keyIdOf(response), inboxId: api.inbox.id, nowMs: api.clock.now(), sync: false };
  const job = newJob(stored, facts);
  await submit(api, stored, job);
  return recordOf(job);
}
