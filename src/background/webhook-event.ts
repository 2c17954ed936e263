import type { JobRecord } from '../contracts/job.ts';
import { type JobLinks, jobView } from '../contracts/job-view.ts';

type JobData = ReturnType<typeof jobView> & { readonly truncated?: true };

/** What a receiver gets: the shape of OpenAI's events and of Standard Webhooks at once. */
export interface WebhookEvent {
  readonly id: string;
  readonly object: 'event';
  readonly type: string;
  /** Unix seconds. */
  readonly created_at: number;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly data: JobData;
}

/** Bigger events are lost by some relays: their output is left out, to be read from the job. */
const longestBytes = 20_000;
const longestErrorMessage = 2_000;

/** The event of a job that has ended, as JSON text. The same at every try, but for how its delivery stands. */
export function webhookBody(eventId: string, record: JobRecord, links: JobLinks): string {
  const occurredAtMs = record.completedAtMs ?? record.createdAtMs;
  const data = jobView(record, { links, position: null, startsAtMs: null });
  const event: WebhookEvent = {
    id: eventId,
    object: 'event',
    type: `job.${record.status}`,
    created_at: Math.floor(occurredAtMs / 1000),
    timestamp: new Date(occurredAtMs).toISOString(),
    data,
  };
  const text = JSON.stringify(event);
  return Buffer.byteLength(text) <= longestBytes ? text : JSON.stringify({ ...event, data: shortened(data) });
}

function shortened(data: JobData): JobData {
  const error = data.error && { ...data.error, message: data.error.message.slice(0, longestErrorMessage) };
  return { ...data, output: null, error, truncated: true };
}
