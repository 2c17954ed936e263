import type { Request, Response } from 'express';
import { isTerminal, type JobRecord } from '../../contracts/job.ts';
import { jobView } from '../../contracts/job-view.ts';
import { checkWebhook } from '../check-webhook.ts';
import type { Api } from '../dependencies.ts';
import { planJob } from '../job-call.ts';
import { linksOf } from '../links.ts';
import { waitUntilEnded } from '../long-poll.ts';
import { parseBody, readBody } from '../middleware/body.ts';
import { keyIdOf } from '../middleware/request-context.ts';
import { newJob, recordOf } from '../new-job.ts';
import { findOwnJob } from '../own-job.ts';
import type { JobQuery } from '../ports.ts';
import { getQuerySchema, listQuerySchema } from '../query.ts';
import { preferencesOf } from '../request-headers.ts';
import { findModel } from '../resolve-model.ts';
import { sendJson } from '../send-json.ts';
import { showJob } from '../show-job.ts';
import { submit } from '../submit.ts';
import { withUploads } from '../uploads.ts';
import { validate } from '../validation.ts';
import { listView } from '../views/list.ts';

const longestPreferredWaitMs = 60_000;

/** `POST /jobs`: 202 and the job; with `Prefer: wait=n` 200 when it ends in time. */
export async function createJob(api: Api, request: Request, response: Response): Promise<void> {
  const accepted = await acceptJob(api, request, response);
  const waitMs = Math.min(longestPreferredWaitMs, preferencesOf(request.headers).waitMs ?? 0);
  if (waitMs === 0) return showJob(api, request, response, accepted, 202);
  response.setHeader('preference-applied', `wait=${waitMs / 1000}`);
  const read = (): Promise<JobRecord> => findOwnJob(api.jobs, accepted.keyId, accepted.id);
  const record = await waitUntilEnded(api, response, waitMs, read);
  await showJob(api, request, response, record, isTerminal(record.status) ? 200 : 202);
}

async function acceptJob(api: Api, request: Request, response: Response): Promise<JobRecord> {
  const bytes = await readBody(request, response);
  return api.largeBodies.inTurn(bytes.length, async () => {
    const call = planJob(api.registry(), parseBody(bytes));
    checkWebhook(api, call);
    const { metadata } = call;
    const facts = {
      keyId: keyIdOf(response),
      inboxId: api.inbox.id,
      nowMs: api.clock.now(),
      sync: false,
      metadata,
    };
    return withUploads(api, call, noForm, async (files) => {
      const job = newJob(call, { ...facts, ...files });
      await submit(api, call, job);
      return recordOf(job);
    });
  });
}

const noForm = { jobId: null, files: null } as const;

/** `GET /jobs/:id`, with `?wait=` as a long poll. */
export async function getJob(api: Api, request: Request, response: Response): Promise<void> {
  const { wait } = validate(getQuerySchema, request.query);
  const keyId = keyIdOf(response);
  const read = (): Promise<JobRecord> => findOwnJob(api.jobs, keyId, String(request.params.id));
  const record = wait === 0 ? await read() : await waitUntilEnded(api, response, wait * 1000, read);
  await showJob(api, request, response, record, 200);
}

/** `POST /jobs/:id/cancel`: 200 when it is over, 202 while a running one is being ended. Repeating it is harmless. */
export async function cancelJob(api: Api, request: Request, response: Response): Promise<void> {
  const { id } = await findOwnJob(api.jobs, keyIdOf(response), String(request.params.id));
  await api.jobs.cancel(id, 'the client asked for it');
  api.liveJobs.recheck(id);
  const record = await findOwnJob(api.jobs, keyIdOf(response), id);
  await showJob(api, request, response, record, isTerminal(record.status) ? 200 : 202);
}

/** `GET /jobs`: this key's jobs. */
export async function listJobs(api: Api, request: Request, response: Response): Promise<void> {
  const { jobs, hasMore } = await api.jobs.list(jobQuery(api, request, response));
  const links = linksOf(api, request);
  const views = jobs.map((record) => jobView(record, { links, position: null, startsAtMs: null }));
  sendJson(response, 200, listView(views, hasMore));
}

function jobQuery(api: Api, request: Request, response: Response): JobQuery {
  const query = validate(listQuerySchema, request.query);
  const { status, model, created_after: createdAfter, created_before: createdBefore, after } = query;
  return {
    keyId: keyIdOf(response),
    limit: query.limit,
    order: query.order,
    ...(status === undefined ? {} : { status }),
    ...(model === undefined ? {} : { model: findModel(api.registry(), model).id }),
    ...(createdAfter === undefined ? {} : { createdAfterMs: createdAfter * 1000 }),
    ...(createdBefore === undefined ? {} : { createdBeforeMs: createdBefore * 1000 }),
    ...(after === undefined ? {} : { after: after as NonNullable<JobQuery['after']> }),
  };
}
