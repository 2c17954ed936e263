import type { Request, Response } from 'express';
import type { JobId } from '../../contracts/ids.ts';
import type { JobRecord } from '../../contracts/job.ts';
import { mediaEndpoints } from '../../contracts/media-output.ts';
import { formRules } from '../../contracts/openai/forms.ts';
import type { Upload } from '../../contracts/upload.ts';
import { refuseHopelessWait } from '../admission.ts';
import { answerJson } from '../answer-json.ts';
import { StreamAnswer } from '../answer-stream.ts';
import type { Bond } from '../bond.ts';
import { checkWebhook } from '../check-webhook.ts';
import type { Api } from '../dependencies.ts';
import { linksOf } from '../links.ts';
import { fingerprintOf } from '../live-jobs.ts';
import { soundEndpoint } from '../media-call.ts';
import { type JsonBody, parseBody, readBody } from '../middleware/body.ts';
import { toRoundhouseError } from '../middleware/error-response.ts';
import { isForm } from '../middleware/form.ts';
import { keyIdOf } from '../middleware/request-context.ts';
import { forStorage, type ModelCall, planCall } from '../model-call.ts';
import { newJob, recordOf } from '../new-job.ts';
import { clientPatienceMs, isRetry, preferencesOf, waitBudgetMs } from '../request-headers.ts';
import { showJob } from '../show-job.ts';
import { submit } from '../submit.ts';
import { connect } from '../sync-wait.ts';
import { discard, orDiscard, receiveForm, withUploads } from '../uploads.ts';

const longestHoldMs = 2000;
/** Some images as base64. */
const mostUnreadMediaBytes = 64 * 1024 * 1024;

/** What a call has become: a connection bound to its job, or a job that nobody waits for. */
type Accepted =
  | ({ readonly bond: Bond } & Pick<ModelCall, 'endpoint' | 'stream' | 'shape'>)
  | { readonly job: JobRecord };

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
  const { bond } = accepted;
  response.setHeader('x-job-id', bond.live.id);
  response.setHeader('location', `/jobs/${bond.live.id}`);
  await answer(api, accepted, request, response);
}

/** Nothing of the body is held beyond this: waiting may take minutes. */
async function accept(api: Api, endpoint: string, request: Request, response: Response): Promise<Accepted> {
  const rules = formRules.get(endpoint);
  if (rules !== undefined && isForm(request)) {
    const { jobId, body, files } = await receiveForm(api, rules, request, response);
    return orDiscard(api, jobId, () => take(api, { endpoint, body, jobId, files }, request, response));
  }
  const bytes = await readBody(request, response, rules && 'multipart/form-data or application/json');
  return api.largeBodies.inTurn(bytes.length, () =>
    take(api, { endpoint, body: parseBody(bytes), jobId: null, files: null }, request, response),
  );
}

/** A request that was read. */
interface Taken {
  readonly endpoint: string;
  readonly body: JsonBody;
  /** Of a form: the id that its files are stored under. */
  readonly jobId: JobId | null;
  readonly files: readonly Upload[] | null;
}

async function take(api: Api, taken: Taken, request: Request, response: Response): Promise<Accepted> {
  const { endpoint, body, files } = taken;
  const facts = {
    files,
    accept: request.headers.accept,
    format: endpoint === soundEndpoint ? request.query.output_format : undefined,
  };
  const call = planCall(api.registry(), endpoint, body, facts);
  checkWebhook(api, call);
  if (preferencesOf(request.headers).respondAsync) {
    return { job: await respondAsync(api, call, taken, response) };
  }
  const known = comeBack(api, call, body, request, response);
  if (known !== null && taken.jobId !== null) await discard(api, taken.jobId);
  const bond = known ?? (await start(api, call, taken, response));
  return { bond, endpoint: call.endpoint, stream: call.stream, shape: call.shape };
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

async function start(api: Api, call: ModelCall, taken: Taken, response: Response): Promise<Bond> {
  const nowMs = api.clock.now();
  refuseHopelessWait(call.spec, await api.boardView.current(), nowMs);
  const keyId = keyIdOf(response);
  const isBinding = (call.handling.webhook ?? null) === null;
  const facts = { keyId, inboxId: api.inbox.id, nowMs, sync: isBinding };
  return withUploads(api, call, taken, async (files) => {
    const job = newJob(call, { ...facts, ...files });
    const bond = api.liveJobs.open(job, fingerprintOf(keyId, call.endpoint, taken.body.text), isBinding);
    try {
      await submit(api, call, job);
      return bond;
    } catch (error) {
      bond.refuse(toRoundhouseError(error));
      throw error;
    }
  });
}

async function answer(
  api: Api,
  { bond, endpoint, stream, shape }: Extract<Accepted, { bond: Bond }>,
  request: Request,
  response: Response,
): Promise<void> {
  const connection = connect(bond, response);
  if (!stream) {
    const budgetMs = waitBudgetMs(request.headers, api.settings.syncMaxWaitMs);
    return answerJson(api, bond, connection, response, {
      budgetMs,
      shape,
      links: () => linksOf(api, request),
    });
  }
  const patienceMs = clientPatienceMs(request.headers) ?? Number.POSITIVE_INFINITY;
  const unread = mediaEndpoints.has(endpoint) ? mostUnreadMediaBytes : undefined;
  new StreamAnswer(api, bond, connection, response, unread).start(Math.min(longestHoldMs, patienceMs / 2));
}

/** `Prefer: respond-async`: the same call as a job that nobody waits for. */
async function respondAsync(api: Api, call: ModelCall, taken: Taken, response: Response): Promise<JobRecord> {
  const stored = forStorage(call);
  const facts = { keyId: keyIdOf(response), inboxId: api.inbox.id, nowMs: api.clock.now(), sync: false };
  return withUploads(api, call, taken, async (files) => {
    const job = newJob(stored, { ...facts, ...files });
    await submit(api, stored, job);
    return recordOf(job);
  });
}
