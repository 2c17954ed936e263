import { join } from 'node:path';
import { type ApiKey, parseApiKey } from '../api/api-keys.ts';
import { HttpServer } from '../api/http-server.ts';
import type { LogSource } from '../api/ports.ts';
import { WebhookSender } from '../background/webhook-sender.ts';
import { windowOf } from '../contracts/admission-window.ts';
import { makeApiKey, makeWebhookSecret, readOrMakeSecret } from '../platform/secret-file.ts';
import type { Service } from '../platform/service.ts';
import { SignedLinks } from '../platform/signed-links.ts';
import { createGuardedClient } from '../platform/webhook-address.ts';
import { connectRedis } from '../queue/connection.ts';
import { RedisJobInbox } from '../queue/inbox.ts';
import { RedisJobStore } from '../queue/job-store.ts';
import { RedisWebhookQueue } from '../queue/webhook-queue.ts';
import { RedisWorkerBoard } from '../queue/worker-board.ts';
import { artifactSource } from './artifact-source.ts';
import { addressFor, fileServer } from './file-servers.ts';
import type { WorkerConnection } from './ground-floor.ts';
import type { House } from './house.ts';
import { buildJanitor } from './janitor.ts';
import { linkSecret } from './link-secret.ts';

export interface ApiHalf {
  readonly inbox: RedisJobInbox;
  readonly services: readonly Service[];
}

/** src/api and src/background: says yes or no, tells what happened, and does what no request waits for. */
export async function apiHalf(
  house: House,
  redisUrl: string,
  redis: WorkerConnection,
  logs: LogSource,
): Promise<ApiHalf> {
  const { settings, registry, clock, emit } = house;
  const command = connectRedis(redisUrl, 'command', emit);
  const blocking = connectRedis(redisUrl, 'blocking', emit);
  const connection: Service = {
    name: 'api connection',
    start: async () => {},
    stop: async () => command.disconnect(),
  };
  const inbox = new RedisJobInbox({ redis: command, blocking, clock, emit });
  const board = new RedisWorkerBoard({ redis: command, clock });
  const links = new SignedLinks();
  // Only a worker elsewhere needs to fetch files: here it reads the same disk.
  const files = settings.role === 'api' ? fileServer(house, redis, house.uploads) : null;
  const http = new HttpServer(
    {
      settings,
      registry,
      jobs: new RedisJobStore({
        redis: command,
        clock,
        emit,
        hasWorker: settings.role === 'all',
        windowOf: (model) => windowOf(registry().window, registry().models.get(model)?.concurrency ?? 1),
        offerStart: (job) => house.shortcut.offerStart(job),
      }),
      inbox,
      board,
      artifacts: artifactSource(house, redis, board),
      uploads: {
        write: house.uploads.write.bind(house.uploads),
        remove: house.uploads.remove.bind(house.uploads),
        url: () => (files === null ? null : addressFor(house, files)),
      },
      links,
      logs,
      keys: await apiKeys(house),
      clock,
      emit,
    },
    settings.role,
  );
  const before = [connection, inbox, linkSecret(redis, links, clock), ...(files === null ? [] : [files])];
  return { inbox, services: [...before, ...(await background(house, redis, links)), http] };
}

/** The keys of the settings, and the one in the data folder: made on the first start where none is set. */
async function apiKeys({ settings }: House): Promise<readonly ApiKey[]> {
  const path = join(settings.dataDir, 'api-key');
  if (settings.apiKeys.length > 0) return settings.apiKeys.map(parseApiKey);
  const { secret } = await readOrMakeSecret(path, makeApiKey);
  return [parseApiKey(secret)];
}

async function background(
  house: House,
  redis: WorkerConnection,
  links: SignedLinks,
): Promise<readonly Service[]> {
  const { settings, registry, clock, emit } = house;
  const { secret } = await readOrMakeSecret(join(settings.dataDir, 'webhook-secret'), makeWebhookSecret);
  const policy = registry().webhooks;
  const sender = new WebhookSender({
    queue: new RedisWebhookQueue({ redis, clock, emit }),
    client: createGuardedClient(policy),
    secret,
    publicUrl: settings.publicUrl,
    links,
    clock,
    emit,
  });
  return [sender, buildJanitor(house, redis)];
}
