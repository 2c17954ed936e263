import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobId, KeyId } from '../../src/contracts/ids.ts';
import { isTerminal, type JobStatus, jobStatuses, maxAttempts, mayBecome } from '../../src/contracts/job.ts';
import type { Claim } from '../../src/queue/claim.ts';
import { expireJob } from '../../src/queue/expire.ts';
import { prelude } from '../../src/queue/lua-prelude.ts';
import { encodeNewJob } from '../../src/queue/record-codec.ts';
import { aJob, model } from '../helpers/jobs.ts';
import { fc, runs } from '../helpers/properties.ts';
import { QueueHouse } from '../helpers/queue-house.ts';

const roomy = { queueCap: 1000, retryAfterS: 5 };
const lane = '{roundhouse}:m.echo.normal';
const error = { message: 'gone', type: 'server_error', param: null, code: 'model_crashed' };
const result = { output: { text: 'hi' }, files: [], usage: null };

test('Redis allows exactly the transitions of the contract', async () => {
  await using house = await QueueHouse.open();
  const redis = await house.connected('worker');
  const script = `${prelude} become(load(ARGV[2]), ARGV[3])`;
  for (const from of jobStatuses) {
    for (const to of jobStatuses) {
      const job = aJob();
      await redis.hset(`{roundhouse}:job:${job.id}`, ...encodeNewJob(job), 'status', from);
      const moved = await redis.eval(script, 0, Date.now(), job.id, to).then(
        () => true,
        (refusal: Error) => {
          assert.match(refusal.message, /illegal transition/);
          return false;
        },
      );
      assert.equal(moved, mayBecome(from, to), `${from} -> ${to}`);
      assert.equal(await redis.hget(`{roundhouse}:job:${job.id}`, 'status'), moved ? to : from);
    }
  }
});

type Step =
  | 'submit'
  | 'claim'
  | 'complete'
  | 'fail'
  | 'retry'
  | 'snooze'
  | 'settle-cancelled'
  | 'cancel'
  | 'expire'
  | 'lose-worker';

const step = fc.constantFrom<Step>(
  ...(['submit', 'claim', 'claim', 'complete', 'fail', 'retry', 'snooze', 'settle-cancelled'] as const),
  ...(['cancel', 'expire', 'lose-worker'] as const),
);

/** What a job was seen as, in the order in which it was seen. */
type Seen = Map<JobId, JobStatus[]>;

const window = { alone: 3, shared: 2, activeForMs: 600_000 };
const keyIds = ['0123456789ab', 'ba9876543210'] as KeyId[];

test('whatever happens in whatever order, jobs of two keys move as the contract says and all books agree', async () => {
  await using house = await QueueHouse.open();
  const store = await house.store(window);
  const redis = await house.connected('worker');
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      await redis.flushall();
      let worker = await house.worker();
      const seen: Seen = new Map();
      const starts = new Map<JobId, number>();
      let open: Claim[] = [];
      for (const [at, what] of steps.entries()) {
        const [first] = open;
        const queued = [...seen].find(([, statuses]) => statuses.at(-1) === 'queued')?.[0];
        const target = at % 2 === 0 ? (first?.record.id ?? queued) : (queued ?? first?.record.id);
        if (what === 'submit') {
          const keyId = keyIds[at % 3 === 0 ? 1 : 0] as KeyId;
          const job = aJob({ keyId });
          await store.submit(job, roomy);
          seen.set(job.id, []);
        } else if (what === 'claim') {
          const claim = await worker.lanes.claim(model('echo'), 'normal');
          if (claim) {
            open.push(claim);
            starts.set(claim.record.id, Math.max(starts.get(claim.record.id) ?? 0, claim.attempt));
          }
        } else if (what === 'cancel') {
          if (target) await store.cancel(target, 'asked');
        } else if (what === 'expire') {
          if (target) await expireJob(redis, target, Date.now());
        } else if (what === 'lose-worker') {
          // As after kill -9: the next process of the name finds what the last one held.
          await worker.desk.stop();
          await worker.lanes.stop(AbortSignal.abort());
          worker = await house.worker();
          open = [];
        } else if (first) {
          open = open.slice(1);
          await first.settle(outcomeOf(what));
          await untilCommitted(redis, first.record.id);
        }
        await look(store, seen);
        await checkBooks(redis, seen);
      }
      await worker.desk.stop();
      await worker.lanes.stop(AbortSignal.abort());
      for (const [id, count] of starts) assert.ok(count <= maxAttempts, `${id} started ${count} times`);
    }),
    runs(40),
  );
});

function outcomeOf(what: Step) {
  if (what === 'complete') return { kind: 'completed', result } as const;
  if (what === 'fail') return { kind: 'failed', error } as const;
  if (what === 'retry') return { kind: 'retry', error } as const;
  if (what === 'snooze') return { kind: 'snooze' } as const;
  return { kind: 'cancelled' } as const;
}

type Redis = Awaited<ReturnType<QueueHouse['connected']>>;

/** The lane follows the record a moment later. */
async function untilCommitted(redis: Redis, id: JobId): Promise<void> {
  while ((await redis.lpos(`${lane}:active`, id)) !== null) await redis.ping();
}

async function look(store: Awaited<ReturnType<QueueHouse['store']>>, seen: Seen): Promise<void> {
  for (const [id, statuses] of seen) {
    const record = await store.find(id);
    assert.ok(record && record !== 'expired');
    const last = statuses.at(-1);
    if (last === record.status) continue;
    if (last !== undefined) {
      assert.ok(!isTerminal(last), `${id} left ${last} for ${record.status}`);
      assert.ok(reachable(last, record.status), `${last} -> ${record.status}`);
    }
    statuses.push(record.status);
  }
}

/** In one step of ours a rescue may put two transitions behind each other. */
const reachable = (from: JobStatus, to: JobStatus): boolean =>
  mayBecome(from, to) || jobStatuses.some((middle) => mayBecome(from, middle) && mayBecome(middle, to));

/** Counters, sums, deadlines and the lane say the same as the records. */
async function checkBooks(redis: Redis, seen: Seen): Promise<void> {
  const now = [...seen].map(([id, statuses]) => ({ id, status: statuses.at(-1) }));
  const queued = now.filter(({ status }) => status === 'queued').map(({ id }) => id);
  const running = now.filter(({ status }) => status === 'in_progress' || status === 'cancelling');
  const counts = await redis.hgetall('{roundhouse}:counts');
  const count = (status: string) => Number(counts[`m.echo.normal|${status}`] ?? 0);
  assert.equal(count('queued'), queued.length);
  assert.equal(count('in_progress') + count('cancelling'), running.length);
  const inLane = await redis.lrange(`${lane}:wait`, 0, -1);
  const backlogs = await Promise.all(keyIds.map((keyId) => redis.lrange(backlogOf(keyId), 0, -1)));
  assert.deepEqual([...inLane, ...backlogs.flat()].toSorted(), queued.toSorted());
  let sum = 0;
  for (const id of inLane) sum += Number(await redis.hget(`{roundhouse}:job:${id}`, 'enqueued'));
  assert.equal(Number((await redis.hget('{roundhouse}:sums', 'm.echo.normal')) ?? 0), sum);
  await checkWindows(redis, inLane, backlogs);
  assert.equal(await redis.zcard('{roundhouse}:ended'), seen.size - queued.length - running.length);
}

const backlogOf = (keyId: KeyId): string => `{roundhouse}:backlog:m.echo.normal:${keyId}`;

/** What is counted of each key is what waits, and a backlog is there only where the window is full. */
async function checkWindows(redis: Redis, inLane: string[], backlogs: string[][]): Promise<void> {
  const counted = await redis.hgetall('{roundhouse}:window:m.echo.normal');
  const owners = await Promise.all(inLane.map((id) => redis.hget(`{roundhouse}:job:${id}`, 'keyId')));
  for (const [at, keyId] of keyIds.entries()) {
    const waiting = owners.filter((owner) => owner === keyId).length;
    assert.equal(Number(counted[keyId] ?? 0), waiting);
    const isHeld = (backlogs[at]?.length ?? 0) > 0;
    if (isHeld) assert.ok(waiting >= window.shared, `${waiting} of ${keyId} wait, and others are held back`);
    const isKnown = (await redis.sismember('{roundhouse}:backlogs:m.echo.normal', keyId)) === 1;
    assert.equal(isKnown, isHeld);
    for (const id of backlogs[at] ?? [])
      assert.equal(await redis.exists(`${lane}:${id}`), 0, `BullMQ knows ${id}`);
  }
}
