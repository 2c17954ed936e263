import { formatDuration, formatMoment } from '../durations.ts';
import type { JobJson } from '../job-json.ts';
import { type Column, fit, type Line, paintLine, span, table } from '../layout.ts';
import type { Meaning, Paint } from '../terminal.ts';
import { progressBar } from './progress-bar.ts';

interface ViewOptions {
  readonly nowMs: number;
  readonly columns: number;
  readonly paint: Paint;
}

const columns: readonly Column[] = [
  { title: 'JOB', dispensable: 0 },
  { title: 'MODEL', dispensable: 1 },
  { title: 'STATUS', dispensable: 0 },
  { title: 'CREATED', dispensable: 3 },
  { title: 'WAITED', align: 'right', dispensable: 4 },
  { title: 'RAN', align: 'right', dispensable: 2 },
];

/** Jobs in the order given, one a line. */
export function renderJobs(jobs: readonly JobJson[], options: ViewOptions): string {
  if (jobs.length === 0) return 'No jobs.\n';
  return print(
    table(
      columns,
      jobs.map((job) => jobRow(job, options.nowMs)),
      options.columns,
    ),
    options,
  );
}

function jobRow(job: JobJson, nowMs: number): Line[] {
  const { waitedMs, ranMs } = timesOf(job, nowMs);
  return [
    [span(job.id)],
    [span(job.model, 'strong')],
    statusCell(job),
    [span(formatMoment(job.created_at * 1000, nowMs), 'dim')],
    [span(formatDuration(waitedMs))],
    [span(ranMs === null ? '–' : formatDuration(ranMs))],
  ];
}

const meanings: Readonly<Record<string, Meaning>> = {
  completed: 'good',
  failed: 'bad',
  expired: 'bad',
  in_progress: 'busy',
  cancelling: 'busy',
};

function statusCell({ status, progress, phase, queue_position: position, error }: JobJson): Line {
  const word = span(status, meanings[status] ?? 'dim');
  if (status === 'queued' && typeof position === 'number') return [word, span(`, number ${position}`, 'dim')];
  if (status === 'in_progress' && typeof progress === 'number')
    return [word, span(' '), ...progressBar(progress / 100)];
  if (status === 'in_progress' && phase) return [word, span(`, ${phase.replace('_', ' ')}`, 'dim')];
  if (error?.code) return [word, span(` ${error.code}`, 'dim')];
  return [word];
}

function timesOf(job: JobJson, nowMs: number): { waitedMs: number; ranMs: number | null } {
  const createdMs = job.created_at * 1000;
  const startedMs = typeof job.started_at === 'number' ? job.started_at * 1000 : null;
  const endedMs = typeof job.completed_at === 'number' ? job.completed_at * 1000 : null;
  const waitedMs = job.metrics?.queue_ms ?? (startedMs ?? endedMs ?? nowMs) - createdMs;
  if (startedMs === null) return { waitedMs, ranMs: null };
  return { waitedMs, ranMs: job.metrics?.execution_ms ?? (endedMs ?? nowMs) - startedMs };
}

/** One job with all that is known of it. */
export function renderJob(job: JobJson, options: ViewOptions): string {
  const { waitedMs, ranMs } = timesOf(job, options.nowMs);
  const loadMs = job.metrics?.load_ms;
  const loading = loadMs ? `, of it ${formatDuration(loadMs)} loading the model` : '';
  const facts: readonly (readonly [name: string, value: Line | null])[] = [
    ['model', [span(job.model, 'strong')]],
    ['endpoint', text(job.endpoint)],
    ['status', statusCell(job)],
    ['created', text(formatMoment(job.created_at * 1000, options.nowMs))],
    ['waited', text(`${formatDuration(waitedMs)}${loading}`)],
    ['ran', ranMs === null ? null : text(formatDuration(ranMs))],
    ['attempts', job.attempts ? text(`${job.attempts} of ${job.max_attempts ?? '?'}`) : null],
    ['error', job.error ? [span(job.error.message.split('\n')[0] ?? '', 'bad')] : null],
    ['webhook', webhookLine(job)],
    ...(job.files ?? []).map((file) => ['file', text(fileText(file))] as const),
  ];
  const lines = facts.flatMap(([name, value]) =>
    value === null ? [] : [[span(`  ${name.padEnd(9)}`, 'dim'), ...value]],
  );
  return print([[span(job.id, 'strong')], ...lines], options) + outputText(job);
}

const text = (value: string | null | undefined): Line | null => (value ? [span(value)] : null);

function webhookLine({ webhook }: JobJson): Line | null {
  if (!webhook) return null;
  const tries = webhook.attempts ? ` after ${webhook.attempts} tries` : '';
  const why = webhook.last_error ? ` (${webhook.last_error})` : '';
  return [span(`${webhook.status}${tries}${why}  `), span(webhook.url, 'dim')];
}

function fileText({ content_type: type, bytes, url }: NonNullable<JobJson['files']>[number]): string {
  return `${type}, ${(bytes / 1024).toFixed(0)} KB  ${url ?? ''}`.trimEnd();
}

const outputText = ({ output }: JobJson): string =>
  output === null || output === undefined ? '' : `\n${JSON.stringify(output, null, 2)}\n`;

const print = (lines: readonly Line[], { columns: width, paint }: ViewOptions): string =>
  lines.map((line) => `${paintLine(fit(line, width), paint)}\n`).join('');
