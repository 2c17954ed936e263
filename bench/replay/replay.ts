import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monotonicFactory } from 'ulid';
import type { JobId, KeyId } from '../../src/contracts/ids.ts';
import { jobClasses, type NewJob } from '../../src/contracts/job.ts';
import type { Run } from '../traces/simulate.ts';
import type { Trace, TraceJob } from '../traces/trace.ts';
import { FastClock } from './fast-clock.ts';
import { Recorder } from './recorder.ts';
import { endpointOf, ReplayHouse } from './replay-house.ts';
import { judge, type Verdict } from './verdict.ts';

export interface Replay extends Verdict {
  readonly run: Run;
  /** What the machine added to a job and to a swap at the end, and was taken off by the stand-ins; ms of the trace. */
  readonly takenOffMs: { readonly job: number; readonly swap: number };
}

/** Without any news for so long, real ms, what has not ended is lost. */
const patienceMs = 30_000;
const monthMs = 30 * 86_400_000;
const admission = { queueCap: 1_000_000, retryAfterS: 5 };
const nextUlid = monotonicFactory();

/**
 * Plays a trace through the worker that ships, with a Redis, launchers and processes of its own, so many times as fast
 * as it would be.
 * @throws Error when the trace is of several GPUs, or a job is refused
 */
export async function replay(trace: Trace, factor: number): Promise<Replay> {
  if (trace.gpus !== 1) throw new Error(`${trace.name} has ${trace.gpus} GPUs: a worker has one.`);
  await using dirs = await Dirs.create();
  const clock = new FastClock(factor);
  const { dir, journalDir } = dirs;
  const journalOf = (model: string) => join(journalDir, `${trace.vram === 0 ? 'all' : model}.jsonl`);
  await using house = await ReplayHouse.open({ trace, dir, journalOf, clock });
  const startMs = clock.now();
  const recorder = new Recorder(trace, () => clock.now() - startMs);
  house.listen(recorder.hear);
  const acked: JobId[] = [];
  const submitted = submitAll(house, trace, { clock, startMs, recorder, acked });
  const isOver = await Promise.race([recorder.untilOver(patienceMs), submitted.then(() => never)]);
  const verdict = await judge(house.store, journalDir, acked, recorder.settled);
  const stuck = isOver ? [] : [`nothing happened for ${patienceMs / 1000} s, and jobs were left`];
  const takenOffMs = { job: recorder.jobCost.ms, swap: house.swapCost.ms };
  const problems = [...recorder.faults, ...stuck, ...verdict.problems];
  return { run: recorder.run(), takenOffMs, ...verdict, problems };
}

const never = new Promise<boolean>(() => {});

interface Stage {
  readonly clock: FastClock;
  readonly startMs: number;
  readonly recorder: Recorder;
  readonly acked: JobId[];
}

async function submitAll(house: ReplayHouse, trace: Trace, stage: Stage): Promise<void> {
  const { clock, startMs, recorder, acked } = stage;
  const submissions: Promise<void>[] = [];
  for (const [place, each] of trace.jobs.entries()) {
    const waitMs = startMs + each.tMs - clock.now();
    if (waitMs > 0) await clock.sleep(waitMs);
    const askedMs = Math.max(0, each.serviceMs - recorder.jobCost.ms);
    const job = jobOf(each, { place, askedMs, nowMs: clock.now() });
    recorder.submitted(place, job.id, askedMs);
    const submission = house.store.submit(job, admission).then(() => void acked.push(job.id));
    submission.catch(() => {}); // told at the end
    submissions.push(submission);
  }
  await Promise.all(submissions);
}

/** A job of nobody gets a key of its own: nothing is fair to share between it and another. */
function jobOf(
  { model, class: jobClass, key }: TraceJob,
  { place, askedMs, nowMs }: { readonly place: number; readonly askedMs: number; readonly nowMs: number },
): NewJob {
  return {
    id: `job_${nextUlid(nowMs)}` as JobId,
    model,
    modelType: 'custom',
    endpoint: endpointOf(model),
    class: jobClasses[jobClass],
    keyId: (key ?? `nobody-${place}`) as KeyId,
    body: JSON.stringify({ model, service_ms: askedMs }),
    sync: false,
    stream: false,
    inboxId: null,
    createdAtMs: nowMs,
    queueDeadlineMs: nowMs + monthMs,
    executionTimeoutMs: monthMs,
    resultTtlMs: monthMs,
    webhook: null,
    metadata: {},
  };
}

/** Two folders that go when the replay is over. The journal lies in memory where it can: each line waits for its disk. */
class Dirs {
  readonly dir: string;
  readonly journalDir: string;

  private constructor(dir: string, journalDir: string) {
    this.dir = dir;
    this.journalDir = journalDir;
  }

  static async create(): Promise<Dirs> {
    const dir = await mkdtemp(join(tmpdir(), 'rhr-'));
    const memory = existsSync('/dev/shm') ? '/dev/shm' : dir;
    const journalDir = await mkdtemp(join(memory, 'rhr-'));
    await mkdir(join(dir, 'run'), { mode: 0o700 });
    return new Dirs(dir, journalDir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of [this.dir, this.journalDir])
      await rm(each, { recursive: true, force: true, maxRetries: 5 });
  }
}
