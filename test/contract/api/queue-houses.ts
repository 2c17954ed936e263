import type { JobInbox, JobStore } from '../../../src/api/ports.ts';
import type { JobId } from '../../../src/contracts/ids.ts';
import type { NewJob, Outcome } from '../../../src/contracts/job.ts';
import { FakeQueue } from '../../fakes/fake-queue.ts';
import { QueueHouse } from '../../helpers/queue-house.ts';

/** A run of a job, as its worker sees it. */
export interface Run {
  readonly attempt: number;
  chunk(seq: number, ...data: string[]): void;
  settle(outcome: Outcome): Promise<void>;
}

/** A queue, and a worker that starts the next job of a lane. */
export interface QueueUnderTest extends AsyncDisposable {
  readonly store: JobStore;
  readonly inbox: JobInbox;
  startNext(job: Pick<NewJob, 'model' | 'class'>): Promise<Run>;
}

/** The one that the tests of the API use. */
export async function fakeHouse(): Promise<QueueUnderTest> {
  const queue = new FakeQueue(() => Date.now());
  return {
    store: queue,
    inbox: queue,
    startNext: async ({ model, class: jobClass }) => startFake(queue, model, jobClass),
    [Symbol.asyncDispose]: async () => {},
  };
}

function startFake(queue: FakeQueue, model: NewJob['model'], jobClass: NewJob['class']): Run {
  const job = [...queue.jobs.values()].find(
    ({ record }) => record.status === 'queued' && record.model === model && record.class === jobClass,
  );
  if (!job) throw new Error('the lane is empty');
  job.start();
  return {
    attempt: job.record.attempts,
    chunk: (_seq, ...data) => void job.chunk(...data),
    settle: async (outcome) => job.settleAs(outcome),
  };
}

/** The one that runs. */
export async function redisHouse(): Promise<QueueUnderTest> {
  const house = await QueueHouse.open();
  const [store, inbox, { lanes, channel }] = [await house.store(), await house.inbox(), await house.worker()];
  channel.attachLocal(inbox);
  return {
    store,
    inbox,
    async startNext({ model, class: jobClass }) {
      const claim = await lanes.claim(model, jobClass);
      if (!claim) throw new Error('the lane is empty');
      const { id, inboxId } = claim.record;
      return {
        attempt: claim.attempt,
        chunk: (seq, ...data) => {
          const message = { type: 'chunk', jobId: id as JobId, attempt: claim.attempt, seq, data } as const;
          if (inboxId) channel.send(inboxId, message);
        },
        settle: async (outcome) => void (await claim.settle(outcome)),
      };
    },
    [Symbol.asyncDispose]: () => house[Symbol.asyncDispose](),
  };
}
