import type { ArtifactSource } from '../api/ports.ts';
import { errors } from '../contracts/error-catalogue.ts';
import { ArtifactClient } from '../platform/artifact-client.ts';
import { makeToken } from '../platform/secret-file.ts';
import { sharedSecret } from '../queue/shared-secret.ts';
import type { RedisWorkerBoard } from '../queue/worker-board.ts';
import type { WorkerConnection } from './ground-floor.ts';
import type { House } from './house.ts';

export const artifactToken = (redis: WorkerConnection): Promise<string> =>
  sharedSecret(redis, 'artifacts', makeToken);

/** The client for files on other machines, made when it is first needed; a failure to is not kept. */
export function artifactClient(house: House, redis: WorkerConnection): () => Promise<ArtifactClient> {
  let client: Promise<ArtifactClient> | null = null;
  const connect = async () => new ArtifactClient({ http: house.http, token: await artifactToken(redis) });
  return () => {
    client ??= connect().catch((error) => {
      client = null;
      throw error;
    });
    return client;
  };
}

/** A job's files from this disk, else from the worker that made them. */
export function artifactSource(
  house: House,
  redis: WorkerConnection,
  board: RedisWorkerBoard,
): ArtifactSource {
  const client = artifactClient(house, redis);
  return {
    async open(record, index, range) {
      const here = await house.artifacts.open(record.id, index, range);
      const file = record.files.find((each) => each.index === index);
      if (here !== null || file === undefined) return here;
      const url = await addressOf(board, record.worker);
      if (url === null) return null;
      return (await client()).open(url, { jobId: record.id, file }, range);
    },
  };
}

/** null: that worker keeps its files on this disk, so there are none. */
async function addressOf(board: RedisWorkerBoard, name: string | null): Promise<string | null> {
  const worker = (await board.workers()).find((each) => each.name === name);
  if (worker === undefined) throw errors.artifactUnreachable(`worker "${name}" is not there`);
  return worker.artifactUrl;
}
