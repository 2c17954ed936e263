import type { Emit, EventOf, EventType, RoundhouseEvent } from '../contracts/events.ts';
import type { Logger } from './logger.ts';

interface Line {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
}

const debug = (message: string): Line => ({ level: 'debug', message });
const info = (message: string): Line => ({ level: 'info', message });
const warn = (message: string): Line => ({ level: 'warn', message });
const fault = (message: string): Line => ({ level: 'error', message });

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const list = (names: readonly (string | number)[]): string => names.join(', ') || 'nothing';
const because = (reason: string | null): string => (reason ? `: ${reason}` : '');
const exitWords = (code: number | null, signal: string | null): string =>
  signal === null ? `with code ${code}` : `by ${signal}`;

/** Every sentence of the log. An event type that is missing here does not compile. */
const wording: { readonly [Type in EventType]: (event: EventOf<Type>) => Line } = {
  // What starts at once is told once.
  'job.accepted': (e) => (e.isStarted ? debug : info)(`Accepted ${e.jobId} for ${e.model} (${e.class})`),
  'job.started': (e) =>
    info(`Started ${e.jobId} on ${e.model}, attempt ${e.attempt}, after ${seconds(e.waitMs)} of waiting`),
  'job.settled': (e) =>
    (e.status === 'failed' ? warn : info)(
      `${e.jobId} on ${e.model} is ${e.status} after ${seconds(e.runMs)}, attempt ${e.attempt}${because(e.code)}`,
    ),
  'job.requeued': (e) =>
    warn(`${e.jobId} waits for ${e.model} again after attempt ${e.attempt}: ${e.reason}`),
  'job.rescued': (e) => warn(`${e.jobId} of ${e.model} lost its worker and waits again`),
  'job.client-left': (e) => info(`The client of ${e.jobId} has left`),
  'job.expired': (e) => warn(`${e.jobId} of ${e.model} expired after ${seconds(e.waitMs)} in the queue`),
  'model.state-changed': (e) =>
    (e.to === 'failed' ? warn : info)(`${e.model} is ${e.to} (was ${e.from})${because(e.reason)}`),
  'swap.started': (e) => info(`Loading ${e.load}, evicting ${list(e.evict)}: ${e.why}`),
  'swap.finished': (e) =>
    info(
      `Loaded ${e.load} in ${seconds(e.tookMs)} (drain ${seconds(e.drainMs)}, unload ${seconds(e.unloadMs)}, ` +
        `load ${seconds(e.loadMs)}), evicted ${list(e.evicted)}`,
    ),
  'swap.failed': (e) =>
    fault(
      `${e.load} could not be loaded, failure ${e.failures}, next try in ${seconds(e.retryInMs)}: ${e.reason}`,
    ),
  'server.started': (e) => info(`Started the server of ${e.model} (pid ${e.pid}, start ${e.bootId})`),
  'server.exited': (e) =>
    (e.expected ? info : warn)(
      `The server of ${e.model} ended ${exitWords(e.code, e.signal)}${e.expected ? '' : ', unexpectedly'}`,
    ),
  'server.killed': (e) => warn(`Killed the server of ${e.model}: ${e.reason}`),
  'server.slept': (e) => info(`${e.model} sleeps after ${seconds(e.tookMs)}; its GPU memory is back`),
  'server.woke': (e) => info(`${e.model} is awake after ${seconds(e.tookMs)}`),
  'weights.read-ahead': (e) =>
    info(`Read ${e.mb} MB of ${e.model} ahead in ${seconds(e.tookMs)}${e.isWhole ? '' : ', a part of it'}`),
  'server.sleepless': (e) =>
    warn(
      `${e.model} is ended instead of sleeping: ${e.why}${e.isFinal ? '; not tried again with this start' : ''}`,
    ),
  'server.hung': (e) => warn(`The server of ${e.model} hangs: ${e.what}, silent for ${seconds(e.silentMs)}`),
  'vram.waiting': (e) =>
    warn(
      `${e.model} waits for ${e.needMb} MB of GPU memory; ${e.freeMb} MB are free, held by ${list(e.holders)}`,
    ),
  'vram.gave-up': (e) =>
    fault(
      `No GPU memory for ${e.model}: needs ${e.needMb} MB, ${e.freeMb} MB are free, held by ${list(e.holders)}`,
    ),
  'orphans.swept': (e) => warn(`Ended processes that an earlier run left behind: ${list(e.pids)}`),
  'redis.started': (e) => info(`Started ${e.binary} (pid ${e.pid}) on ${e.socket}`),
  'redis.exited': (e) =>
    fault(
      `The private Redis ended ${exitWords(e.code, e.signal)}; started again in ${seconds(e.restartInMs)}`,
    ),
  'redis.loading': (e) => info(`Redis is reading its data, ${seconds(e.waitedMs)} so far`),
  'redis.unreachable': (e) => fault(`Redis cannot be reached: ${e.reason}. It is tried again by itself`),
  'redis.back': (e) => info(`Redis answers again after ${seconds(e.downMs)}`),
  'webhook.delivered': (e) =>
    info(`Delivered the webhook of ${e.jobId}: ${e.status} in ${seconds(e.tookMs)}, attempt ${e.attempt}`),
  'webhook.failed': (e) =>
    warn(`The webhook of ${e.jobId} failed, attempt ${e.attempt}: ${e.reason}; ${nextTry(e)}`),
  'http.listening': (e) => info(`Listening on ${urlOf(e)} (role ${e.role})`),
  'worker.started': (e) =>
    info(`Worker ${e.name} is ready${e.reclaimed ? `, took back ${e.reclaimed} jobs` : ''}`),
  'worker.lock-lost': (e) => warn(`Lost the lock of ${e.jobId}; its attempt is ended`),
  'registry.loaded': (e) => info(`Models of ${e.path}: ${list(e.models)}`),
  'registry.warned': (e) => warn(`${e.path} is used, but:\n${e.warnings.join('\n')}`),
  'janitor.swept': (e) => info(`Cleaned up: ${e.expired} expired, ${e.records} records, ${e.files} files`),
  'artifacts.fitted': (e) =>
    warn(
      `Result files were over ${e.limitMb} MB: removed those of ${e.jobs} jobs before their time, ${e.freedMb} MB`,
    ),
  'system.stopping': (e) => info(`Stopping on ${e.signal}`),
  'system.stopped': (e) => info(`Stopped in ${seconds(e.tookMs)}`),
  'system.fault': (e) => fault(`${e.where}: ${e.message}`),
};

/** Writes each event as one line: its facts and its sentence. Never throws. */
export function createEventLog(logger: Logger): Emit {
  return (event) => {
    try {
      const { level, message } = lineOf(event);
      logger[level](event, message);
    } catch {
      // A log that cannot be written must not stop what it tells of.
    }
  };
}

function lineOf<Type extends EventType>(event: RoundhouseEvent & { readonly type: Type }): Line {
  const say = wording[event.type] as (event: RoundhouseEvent) => Line;
  return say(event);
}

function nextTry({ retryInMs }: EventOf<'webhook.failed'>): string {
  return retryInMs === null ? 'given up' : `next try in ${seconds(retryInMs)}`;
}

function urlOf({ host, port }: EventOf<'http.listening'>): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
