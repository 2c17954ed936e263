import { connect } from '../api-client.ts';
import { exitCodes } from '../cli-error.ts';
import { type CliContext, clientSettings } from '../context.ts';
import { type JobJson, jobJson, jobListJson } from '../job-json.ts';
import { renderJob, renderJobs } from '../views/jobs-view.ts';

export interface JobsOptions {
  readonly limit: number;
  readonly status?: string;
  readonly model?: string;
  readonly json?: boolean;
}

/** The newest jobs of this key. */
export async function listJobs(context: CliContext, options: JobsOptions): Promise<number> {
  const { terminal } = context;
  await using api = await connect(clientSettings(context));
  const query = new URLSearchParams({ limit: String(options.limit) });
  if (options.status) query.set('status', options.status);
  if (options.model) query.set('model', options.model);
  const list = await api.get(`/jobs?${query}`, jobListJson);
  if (options.json) terminal.out(`${JSON.stringify(list, null, 2)}\n`);
  else
    terminal.out(
      renderJobs(list.data, { paint: terminal.paint, nowMs: Date.now(), columns: terminal.columns }),
    );
  if (list.has_more && !options.json)
    terminal.err(`There are more: --limit shows up to 100, --status and --model narrow it.\n`);
  return exitCodes.ok;
}

/** One job; exit code 3 when it failed or expired. */
export async function showJob(
  context: CliContext,
  id: string,
  { json }: { json?: boolean },
): Promise<number> {
  await using api = await connect(clientSettings(context));
  const job = await api.get(`/jobs/${encodeURIComponent(id)}`, jobJson);
  print(context, job, json);
  return job.status === 'failed' || job.status === 'expired' ? exitCodes.jobFailed : exitCodes.ok;
}

/** Cancels a job and shows what has become of it. */
export async function cancelJob(
  context: CliContext,
  id: string,
  { json }: { json?: boolean },
): Promise<number> {
  await using api = await connect(clientSettings(context));
  print(context, await api.post(`/jobs/${encodeURIComponent(id)}/cancel`, jobJson), json);
  return exitCodes.ok;
}

function print({ terminal }: CliContext, job: JobJson, json: boolean | undefined): void {
  if (json) terminal.out(`${JSON.stringify(job, null, 2)}\n`);
  else terminal.out(renderJob(job, { paint: terminal.paint, nowMs: Date.now(), columns: terminal.columns }));
}
