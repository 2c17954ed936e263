import type { JournalEntry } from '../helpers/journal.ts';

/** What the client saw: the ids it got a 202 for, and each job as it was at the end. */
export interface ClientHistory {
  readonly acked: readonly string[];
  readonly jobs: readonly { readonly id: string; readonly status: string; readonly attempts: number }[];
  /** Ids of `job.settled` entries of the server's history, one per terminal state. */
  readonly settled: readonly string[];
}

const terminal = new Set(['completed', 'failed', 'cancelled', 'expired']);

/**
 * Every way in which a history breaks a promise, as sentences; empty when it holds: no accepted job lost, one terminal
 * state each, never two generations of one job, nor of two models, at once, and at most two starts.
 */
export function violations(client: ClientHistory, journal: readonly JournalEntry[]): readonly string[] {
  return [
    ...lostJobs(client),
    ...unfinishedJobs(client),
    ...settledTwice(client),
    ...overlaps(journal),
    ...startedTooOften(journal),
  ];
}

function lostJobs({ acked, jobs }: ClientHistory): string[] {
  const known = new Set(jobs.map(({ id }) => id));
  return acked.filter((id) => !known.has(id)).map((id) => `${id} was accepted and is lost`);
}

function unfinishedJobs({ jobs }: ClientHistory): string[] {
  return jobs
    .filter(({ status }) => !terminal.has(status))
    .map(({ id, status }) => `${id} is still ${status}`);
}

function settledTwice({ settled }: ClientHistory): string[] {
  const twice = settled.filter((id, index) => settled.indexOf(id) !== index);
  return twice.map((id) => `${id} reached a terminal state twice`);
}

/** The stand-in holds a file lock while it generates; finding it taken, it says so. */
function overlaps(journal: readonly JournalEntry[]): string[] {
  return journal
    .filter(({ event }) => event === 'overlap')
    .map(({ job, attempt }) => `${job} ran (attempt ${attempt}) while another generation was under way`);
}

function startedTooOften(journal: readonly JournalEntry[]): string[] {
  const starts = Map.groupBy(
    journal.filter(({ event }) => event === 'gen_start'),
    ({ job }) => job,
  );
  return [...starts]
    .filter(([, all]) => all.length > 2)
    .map(([job, all]) => `${job} was started ${all.length} times`);
}
