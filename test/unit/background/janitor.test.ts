import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Janitor, type JanitorOptions } from '../../../src/background/janitor.ts';
import type { RetentionStore } from '../../../src/background/ports.ts';
import { errors } from '../../../src/contracts/error-catalogue.ts';
import { asJobId, type JobId } from '../../../src/contracts/ids.ts';
import { EventRecorder } from '../../helpers/event-recorder.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

const first = asJobId('job_01K000000000000000000000AA');
const second = asJobId('job_01K000000000000000000000BB');
const never = new AbortController().signal;

function house(store: Partial<RetentionStore> = {}, options: Partial<JanitorOptions> = {}) {
  const clock = new FakeClock();
  const events = new EventRecorder();
  const calls: string[] = [];
  const call = (name: string) => async (nowMs: number) => {
    assert.equal(nowMs, clock.now());
    calls.push(name);
    return 0;
  };
  const janitor = new Janitor({
    store: {
      expireQueued: call('expire'),
      pruneEnded: async (nowMs) => {
        await call('prune')(nowMs);
        return [];
      },
      ...store,
    },
    artifacts: {
      remove: async (id) => void calls.push(`remove ${id}`),
      sweep: async () => {
        calls.push('sweep');
        return 0;
      },
      fit: async (mostBytes) => {
        calls.push(`fit ${mostBytes}`);
        return [];
      },
    },
    artifactsMaxBytes: 1000,
    dataRemoval: { removeData: async () => true },
    uploads: {
      sweepUploads: async () => {
        calls.push('uploads');
        return 0;
      },
    },
    stateOf: async () => 'live',
    clock,
    emit: events.emit,
    ...options,
  });
  return {
    clock,
    events,
    calls,
    janitor,
    count: (name: string) => calls.filter((each) => each === name).length,
  };
}

test('everything is looked after at the start and then in its own rhythm, in silence when there is nothing', async () => {
  const { clock, events, calls, janitor, count } = house();
  await janitor.start();
  await clock.advance(0);
  assert.deepEqual(calls.toSorted(), ['expire', 'fit 1000', 'prune', 'sweep', 'uploads']);
  await clock.advance(60_000);
  assert.deepEqual([count('expire'), count('prune')], [13, 1]);
  await clock.advance(240_000);
  assert.deepEqual([count('prune'), count('sweep')], [2, 2]);
  assert.deepEqual(events.all, []);
  await janitor.stop(never);
});

test('what was cleaned up is told, and the files of pruned jobs are removed', async () => {
  const { clock, events, calls, janitor } = house(
    { expireQueued: async () => 2, pruneEnded: async () => [first, second] },
    {},
  );
  await janitor.start();
  await clock.advance(0);
  await janitor.stop(never);
  assert.deepEqual(events.of('janitor.swept'), [
    { type: 'janitor.swept', expired: 2, records: 0, files: 0 },
    { type: 'janitor.swept', expired: 0, records: 2, files: 0 },
  ]);
  assert.deepEqual(calls.slice(-3), [`remove ${first}`, `remove ${second}`, 'sweep']);
});

test('a sweep asks for each job whether it is kept', async () => {
  const asked: JobId[] = [];
  const stateOf = async (id: JobId) => {
    asked.push(id);
    return 'unknown' as const;
  };
  const artifacts: JanitorOptions['artifacts'] = {
    remove: async () => {},
    sweep: async (ask) => ((await ask(first)) ? 0 : 3),
    fit: async () => [],
  };
  const { clock, events, janitor } = house({}, { stateOf, artifacts });
  await janitor.start();
  await clock.advance(0);
  await janitor.stop(never);
  assert.deepEqual(asked, [first]);
  assert.deepEqual(events.all, [{ type: 'janitor.swept', expired: 0, records: 0, files: 3 }]);
});

test('a file that cannot be removed keeps nobody from the next', async () => {
  const removed: JobId[] = [];
  const artifacts: JanitorOptions['artifacts'] = {
    remove: async (id) => {
      if (id === first) throw new Error('read-only');
      removed.push(id);
    },
    sweep: async () => 0,
    fit: async () => [],
  };
  const { clock, events, janitor } = house({ pruneEnded: async () => [first, second] }, { artifacts });
  await janitor.start();
  await clock.advance(0);
  await janitor.stop(never);
  assert.deepEqual(removed, [second]);
  assert.equal(events.of('system.fault').length, 1);
});

test('it goes on after an outage of Redis, which others tell about', async () => {
  let isAway = true;
  const expireQueued = async (): Promise<number> => {
    if (isAway) throw errors.queueUnavailable('connection closed');
    return 1;
  };
  const { clock, events, janitor } = house({ expireQueued });
  await janitor.start();
  await clock.advance(20_000);
  assert.deepEqual(events.all, []);
  isAway = false;
  await clock.advance(5_000);
  assert.deepEqual(events.all, [{ type: 'janitor.swept', expired: 1, records: 0, files: 0 }]);
  await janitor.stop(never);
});

test('a fault that stays is told once, and again after it was gone', async () => {
  const outcomes = ['bad', 'bad', 'good', 'bad'];
  const expireQueued = async (): Promise<number> => {
    if (outcomes.shift() === 'bad') throw new Error('WRONGTYPE');
    return 0;
  };
  const { clock, events, janitor } = house({ expireQueued });
  await janitor.start();
  await clock.advance(5_000);
  assert.equal(events.of('system.fault').length, 1);
  await clock.advance(10_000);
  assert.equal(events.of('system.fault').length, 2);
  await janitor.stop(never);
});

test('a chore that takes long is not begun a second time', async () => {
  let begun = 0;
  const long = Promise.withResolvers<number>();
  const { clock, janitor } = house({
    expireQueued: () => {
      begun += 1;
      return long.promise;
    },
  });
  await janitor.start();
  await clock.advance(60_000);
  assert.equal(begun, 1);
  long.resolve(0);
  await clock.advance(5_000);
  assert.equal(begun, 2);
  await janitor.stop(never);
});

test('a stop waits for what is under way, and then nothing runs any more', async () => {
  const long = Promise.withResolvers<number>();
  const { clock, calls, janitor } = house({ expireQueued: () => long.promise });
  await janitor.start();
  await clock.advance(0);
  let isStopped = false;
  const stopped = janitor.stop(never).then(() => {
    isStopped = true;
  });
  await clock.advance(0);
  assert.equal(isStopped, false);
  long.resolve(0);
  await stopped;
  const before = calls.length;
  await clock.advance(600_000);
  assert.equal(calls.length, before);
  assert.equal(clock.pending, 0);
});

test('a stop does not wait past its deadline', async () => {
  const { clock, janitor } = house({ expireQueued: () => new Promise(() => {}) });
  await janitor.start();
  await clock.advance(0);
  const deadline = new AbortController();
  const stopped = janitor.stop(deadline.signal);
  deadline.abort();
  await stopped;
});

test('a worker without the API cleans its disk, an API without files its queue', async () => {
  const worker = house({}, { store: null, uploads: null });
  await worker.janitor.start();
  await worker.clock.advance(0);
  await worker.janitor.stop(never);
  assert.deepEqual(worker.calls.toSorted(), ['fit 1000', 'sweep']);
  const api = house({ pruneEnded: async () => [first] }, { artifacts: null });
  await api.janitor.start();
  await api.clock.advance(0);
  await api.janitor.stop(never);
  assert.deepEqual(api.calls.toSorted(), ['expire', 'uploads']);
  assert.equal(api.events.of('janitor.swept')[0]?.records, 1);
});

test('a janitor that was never started stops', async () => {
  await house().janitor.stop(never);
});

test('files over their room go, those whose record may say so; the log tells how many and how much', async () => {
  const asked: JobId[] = [];
  const artifacts: JanitorOptions['artifacts'] = {
    remove: async () => {},
    sweep: async () => 0,
    fit: async (mostBytes, mayGo) => {
      assert.equal(mostBytes, 5 * 1024 * 1024);
      return (await mayGo(first)) && !(await mayGo(second)) ? [{ bytes: 3 * 1024 * 1024 }] : [];
    },
  };
  const dataRemoval = {
    removeData: async (id: JobId) => {
      asked.push(id);
      return id === first;
    },
  };
  const options = { artifacts, dataRemoval, artifactsMaxBytes: 5 * 1024 * 1024 };
  const { clock, events, janitor } = house({}, options);
  await janitor.start();
  await clock.advance(0);
  await janitor.stop(never);
  assert.deepEqual(asked, [first, second]);
  assert.deepEqual(events.all, [{ type: 'artifacts.fitted', jobs: 1, freedMb: 3, limitMb: 5 }]);
});

test('what clients sent is swept every five seconds, by what is known of each job', async () => {
  const { clock, janitor, count } = house();
  await janitor.start();
  await clock.advance(15_000);
  await janitor.stop(never);
  assert.equal(count('uploads'), 4);
});
