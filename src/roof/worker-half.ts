import { hostname } from 'node:os';
import { join } from 'node:path';
import { DiskWatch } from '../platform/disk-watch.ts';
import type { Service } from '../platform/service.ts';
import { connectRedis } from '../queue/connection.ts';
import { HistoryWriter } from '../queue/history.ts';
import type { RedisJobInbox } from '../queue/inbox.ts';
import { RedisJobChannel } from '../queue/job-channel.ts';
import { BullLanes } from '../queue/lanes.ts';
import { RedisWorkerDesk } from '../queue/worker-desk.ts';
import { WorkerLease } from '../queue/worker-lease.ts';
import { NvidiaSmi, noGpu } from '../supervisor/gpu-probe.ts';
import { ProcessTurntable } from '../supervisor/turntable.ts';
import { GpuWorker } from '../worker/gpu-worker.ts';
import { addressFor, fileServer } from './file-servers.ts';
import type { WorkerConnection } from './ground-floor.ts';
import type { House } from './house.ts';
import { buildJanitor } from './janitor.ts';
import { uploadSource } from './upload-source.ts';

export interface WorkerHalfOptions {
  readonly house: House;
  readonly redisUrl: string;
  readonly redis: WorkerConnection;
  readonly turntable: ProcessTurntable;
  /** The inbox of this process, when the API lives in it. */
  readonly inbox: RedisJobInbox | null;
  /** Another process has this worker's name. */
  readonly onLost: () => void;
}

/** Keeps model servers alive, or surely gone. */
export function buildTurntable(house: House): ProcessTurntable {
  const { settings, env, registry, instanceId, clock, emit, http } = house;
  const { projectDir, runtimeDir, dataDir } = settings;
  return new ProcessTurntable({
    models: () => registry().models,
    projectDir,
    runtimeDir,
    logsDir: join(dataDir, 'logs'),
    instanceId,
    env,
    weightsDir: settings.weightsDir,
    clock,
    emit,
    gpuProbe: house.hasGpu ? new NvidiaSmi({ searchPath: env.PATH ?? '' }) : noGpu,
    http,
  });
}

/** src/worker and src/supervisor: decides what runs next, and runs it. */
export async function workerHalf(options: WorkerHalfOptions): Promise<readonly Service[]> {
  const { house, redisUrl, redis, turntable, inbox, onLost } = options;
  const { settings, registry, bootId, clock, emit } = house;
  const { workerName } = settings;
  const blocking = connectRedis(redisUrl, 'blocking', emit);
  const desk = new RedisWorkerDesk({ redis, blocking, workerName, clock, emit });
  const channel = new RedisJobChannel({ redis, clock, emit });
  if (inbox !== null) channel.attachLocal(inbox);
  const models = () => [...registry().models.keys()];
  const lanes = new BullLanes({ redis, desk, channel, models, workerName, bootId, clock, emit });
  const lease = new WorkerLease({ redis, redisUrl, workerName, bootId, clock, emit, onLost });
  // Only an API elsewhere needs to fetch files: here it reads the same disk.
  const files = inbox === null ? fileServer(house, redis, house.artifacts) : null;
  const disk = new DiskWatch({ look: () => house.artifacts.roomProblem(), clock });
  const history = new HistoryWriter({ redis, clock });
  house.listeners.add((event) => history.record(event));
  const known = { name: workerName, bootId, host: hostname(), startedAtMs: clock.now() };
  const worker = new GpuWorker({
    identity: () => ({
      ...known,
      artifactUrl: files === null ? null : addressFor(house, files),
      diskProblem: disk.problem,
    }),
    lanes,
    channel,
    desk,
    turntable,
    artifacts: house.artifacts,
    uploads: uploadSource(house, redis),
    http: house.http,
    registry,
    clock,
    emit,
  });
  house.listeners.add((event) => {
    if (event.type === 'job.accepted' && !event.isStarted) worker.jobCame();
  });
  house.shortcut.offerStart = (job) => worker.offerStart(job);
  // A model server of an earlier run may still generate: it ends before its job is given to anybody.
  const janitor = inbox === null ? [buildJanitor(house, redis)] : [];
  return [lease, turntable, ...(files === null ? [] : [files]), disk, desk, lanes, ...janitor, worker];
}
