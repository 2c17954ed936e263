import { z } from 'zod';
import type { ModelFacts, StatusFacts, SwapFacts, WorkerFacts } from './views/status-facts.ts';

/** The answers that the status is made of, as far as they are used; moments are epoch seconds. */
export const readyJson = z.object({
  status: z.string().optional(),
  error: z.object({ message: z.string() }).optional(),
});

const modelJson = z.object({
  id: z.string(),
  type: z.string(),
  state: z.string(),
  state_since: z.number().nullish(),
  load_progress: z.number().nullish(),
  load_phase: z.string().nullish(),
  in_flight: z.number().nullish(),
  paused: z.boolean().nullish(),
  failure: z
    .object({ reason: z.string(), failures: z.number(), blocked_until: z.number().nullish() })
    .nullish(),
});
export const modelsJson = z.object({ data: z.array(modelJson) });

const queueJson = z.object({
  model: z.string(),
  jobs: z.object({ queued: z.number(), in_progress: z.number() }),
  oldest_queued_seconds: z.number().nullish(),
});
const workerJson = z.object({
  name: z.string(),
  host: z.string(),
  up_seconds: z.number(),
  seen_seconds: z.number(),
});
export const queuesJson = z.object({
  data: z.array(queueJson),
  workers: z.array(workerJson).nullish(),
  redis_ping_ms: z.number().nullish(),
});

const swapJson = z.object({
  at: z.number(),
  type: z.string(),
  load: z.string(),
  evicted: z.array(z.string()).nullish(),
  reason: z.string(),
  took_ms: z.number().nullish(),
});
export const swapsJson = z.object({ data: z.array(swapJson) });

export interface StatusAnswers {
  readonly url: string;
  readonly nowMs: number;
  readonly ready: z.infer<typeof readyJson>;
  readonly models: z.infer<typeof modelsJson>;
  /** null: the queue cannot be reached. */
  readonly queues: z.infer<typeof queuesJson> | null;
  readonly swaps: z.infer<typeof swapsJson> | null;
}

/** The API's answers as the view wants them: ms, and no gaps. */
export function statusFacts({ url, nowMs, ready, models, queues, swaps }: StatusAnswers): StatusFacts {
  return {
    url,
    nowMs,
    isReady: ready.status === 'ready',
    problem: ready.error?.message ?? null,
    redisPingMs: queues?.redis_ping_ms ?? null,
    models: models.data.map((model) => modelFacts(model, queues, nowMs)),
    workers: (queues?.workers ?? []).map(workerFacts),
    swaps: (swaps?.data ?? []).filter(({ type }) => type !== 'swap.started').map(swapFacts),
  };
}

const ms = (seconds: number | null | undefined) => (typeof seconds === 'number' ? seconds * 1000 : null);

function modelFacts(
  model: z.infer<typeof modelJson>,
  queues: StatusAnswers['queues'],
  nowMs: number,
): ModelFacts {
  const queue = queues?.data.find((each) => each.model === model.id);
  return {
    id: model.id,
    type: model.type,
    state: model.state,
    sinceMs: ms(model.state_since),
    progress: model.load_progress ?? null,
    phase: model.load_phase ?? null,
    isPaused: model.paused ?? false,
    queued: queue?.jobs.queued ?? 0,
    running: model.in_flight ?? queue?.jobs.in_progress ?? 0,
    oldestQueuedMs: ms(queue?.oldest_queued_seconds),
    failure: failureFacts(model.failure, nowMs),
  };
}

function failureFacts(failure: z.infer<typeof modelJson>['failure'], nowMs: number): ModelFacts['failure'] {
  if (!failure) return null;
  const retryAtMs = ms(failure.blocked_until);
  const retryInMs = retryAtMs === null || retryAtMs <= nowMs ? null : retryAtMs - nowMs;
  return { reason: failure.reason, failures: failure.failures, retryInMs };
}

const workerFacts = (worker: z.infer<typeof workerJson>): WorkerFacts => ({
  name: worker.name,
  host: worker.host,
  upMs: worker.up_seconds * 1000,
  seenMs: worker.seen_seconds * 1000,
});

const swapFacts = (swap: z.infer<typeof swapJson>): SwapFacts => ({
  atMs: swap.at * 1000,
  load: swap.load,
  evicted: swap.evicted ?? [],
  reason: swap.reason,
  tookMs: swap.took_ms ?? null,
});
