import type { Redis } from 'ioredis';
import type { ModelId } from '../contracts/ids.ts';
import { jobClasses } from '../contracts/job.ts';
import { epochBaseMs, laneName } from './keys.ts';
import { runScript } from './scripts.ts';

type Triple = readonly [number, number, number];

/**
 * Three numbers per class (interactive, normal, batch) of the jobs in the lanes: those in backlogs do not count, and
 * times (epoch ms; `oldest` is -1 without a job) are those of entering.
 */
export interface LaneSnapshot {
  readonly model: ModelId;
  readonly waiting: Triple;
  readonly oldest: Triple;
  readonly sumEnqueued: Triple;
  /** Jobs that ever entered. */
  readonly accepted: Triple;
  /** Jobs that ever came to a backlog. */
  readonly joined: Triple;
  readonly paused: boolean;
}

type Sums = [waiting: number, oldest: string, sum: string, queued: string];
type Row = readonly [...Sums, accepted: string, joined: string];

/** All lanes of these models at one moment, whatever is queued. */
export async function readSnapshot(
  redis: Redis,
  models: readonly ModelId[],
  nowMs: number,
): Promise<LaneSnapshot[]> {
  const lanes = models.flatMap((model) => jobClasses.map((jobClass) => laneName(model, jobClass)));
  const [paused, rows] = await runScript<[string[], Row[]]>(redis, 'snapshot', nowMs, ...lanes);
  return models.map((model, at) => {
    const three = rows.slice(at * 3, at * 3 + 3);
    return {
      model,
      waiting: triple(three.map(([waiting]) => waiting)),
      oldest: triple(three.map(([, oldest]) => Number(oldest))),
      sumEnqueued: triple(three.map((row) => sumEnqueued(row, nowMs))),
      accepted: triple(three.map(([, , , , accepted]) => Number(accepted))),
      joined: triple(three.map(([, , , , , joined]) => Number(joined))),
      paused: paused.includes(model),
    };
  });
}

/**
 * The scripts keep the exact sum over jobs whose record is `queued`. A job just taken by a worker, or on its way into
 * its lane, counts in one number and not yet in the other; then the mean is carried over to those that really wait.
 */
export function sumEnqueued(
  [waiting, oldest, sum, queued]: readonly [...Sums, ...unknown[]],
  nowMs: number,
): number {
  if (waiting === 0) return 0;
  const recorded = Number(queued);
  if (recorded === 0) return waiting * (Number(oldest) < 0 ? nowMs : Number(oldest));
  const mean = epochBaseMs + Number(sum) / recorded;
  return Math.round(mean * waiting);
}

const triple = ([first = 0, second = 0, third = 0]: readonly number[]): Triple => [first, second, third];
