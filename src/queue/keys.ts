import type { InboxId, JobId, KeyId, ModelId } from '../contracts/ids.ts';
import type { JobClass } from '../contracts/job.ts';

/** Braces keep every key in one cluster slot, which scripts over several keys need. */
export const prefix = '{roundhouse}';

const key = (...parts: readonly string[]): string => [prefix, ...parts].join(':');

/** Names in Redis, each made in one place. Lanes start with `m.`, so that none of these can meet a lane's own keys. */
export const keys = {
  /** Hash: the job's record, its body included. */
  job: (id: JobId) => key('job', id),
  /** Sorted set, by name only: the jobs of one API key (ids sort by time). */
  index: (keyId: KeyId) => key('index', keyId),
  /** Sorted set: queued jobs by the moment at which they expire. */
  deadlines: key('deadlines'),
  /** Sorted set: ended jobs by the end of their retention. */
  ended: key('ended'),
  /** Sorted set: ids whose record is gone, kept for a while to tell "expired" from "never existed". */
  gone: key('gone'),
  /** Sorted set: ended jobs that owe a webhook. */
  outbox: key('outbox'),
  /** Hash: `<lane>|<status>` -> number of live jobs. */
  counts: key('counts'),
  /** Hash: lane -> sum of the times at which its waiting jobs entered it, relative to `epochBaseMs`. */
  sums: key('sums'),
  /** Hash: lane -> jobs that ever entered it. */
  entered: key('entered'),
  /** Hash: lane -> jobs that ever came to a backlog before it. */
  joined: key('joined'),
  /** Sorted set: API keys by when they last sent a job. */
  active: key('active'),
  /** Hash: lane -> its window, as the last job that came to a backlog brought it. */
  windows: key('windows'),
  /** Hash: API key -> how many of its jobs are queued in the lane. */
  window: (lane: string) => key('window', lane),
  /** Set: API keys with a backlog before the lane. */
  backlogs: (lane: string) => key('backlogs', lane),
  /** List: jobs of one API key that wait to enter the lane, the next one last. */
  backlog: (lane: string, keyId: KeyId) => key('backlog', lane, keyId),
  /** Set: models that the operator paused. */
  paused: key('paused'),
  /** Stream: settled jobs, read by every API process. */
  events: key('events'),
  /** Stream: control messages, read by every worker. */
  control: key('control'),
  /** Stream: lanes that got work, read by every worker. */
  work: key('work'),
  /** Hash: token -> job, of the attempts that are open in one worker. */
  claims: (worker: string) => key('claims', worker),
  /** Sorted set: live API processes by when they last beat. */
  inboxes: key('inboxes'),
  /** Stream: messages to one API process. */
  inbox: (id: InboxId) => key('inbox', id),
  /** String with a time to live: the API process behind this inbox is alive. */
  inboxLease: (id: InboxId) => key('inbox-lease', id),
  /** Sorted set: names of workers by when they were last seen. */
  workers: key('workers'),
  worker: (name: string) => key('worker', name),
  workerLease: (name: string) => key('worker-lease', name),
  estimates: (worker: string) => key('estimates', worker),
  history: (kind: string) => key('history', kind),
  /** String: a secret that the processes on one Redis share. */
  secret: (name: string) => key('secret', name),
} as const;

/** `m.<model, percent-encoded>.<class>`: the BullMQ queue of one model and class. */
export const laneName = (model: ModelId, jobClass: JobClass): string =>
  `m.${encodeURIComponent(model)}.${jobClass}`;

/** The model of a lane's name. */
export const laneModel = (lane: string): ModelId =>
  decodeURIComponent(lane.slice(2, lane.lastIndexOf('.'))) as ModelId;

/** The BullMQ queue that delivers webhooks. */
export const webhookQueueName = 'webhooks';

/** Enqueue times are summed relative to this moment: the sum of a million of them stays exact. */
export const epochBaseMs = 1_700_000_000_000;
