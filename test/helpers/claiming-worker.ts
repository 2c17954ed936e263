/** A worker that claims one job and holds it until it is killed: `node claiming-worker.ts SOCKET NAME MODEL`. */
import type { ModelId } from '../../src/contracts/ids.ts';
import { connectRedis } from '../../src/queue/connection.ts';
import { RedisJobChannel } from '../../src/queue/job-channel.ts';
import { BullLanes } from '../../src/queue/lanes.ts';
import { RedisWorkerDesk } from '../../src/queue/worker-desk.ts';
import { ShiftableClock } from './queue-house.ts';

const [, , url = '', workerName = '', model = ''] = process.argv;
const emit = () => undefined;
const clock = new ShiftableClock();
const redis = connectRedis(url, 'worker', emit);
const desk = new RedisWorkerDesk({ redis, blocking: connectRedis(url, 'blocking', emit), workerName, emit });
const channel = new RedisJobChannel({ redis, clock, emit });
const models = () => [model as ModelId];
const lanes = new BullLanes({
  redis,
  desk,
  channel,
  models,
  workerName,
  bootId: `${process.pid}`,
  clock,
  emit,
});
await desk.start();
await lanes.start();
const claim = await lanes.claim(model as ModelId, 'normal');
process.stdout.write(
  `${JSON.stringify({ claimed: claim?.record.id ?? null, attempt: claim?.attempt ?? 0 })}\n`,
);
setInterval(() => undefined, 1000);
