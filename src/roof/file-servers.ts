import { ArtifactServer } from '../platform/artifact-server.ts';
import type { ArtifactStore } from '../platform/artifact-store.ts';
import { artifactToken } from './artifact-source.ts';
import type { WorkerConnection } from './ground-floor.ts';
import type { House } from './house.ts';

/** Serves files of this half to the other one: a worker its results, an API the files that clients sent. */
export function fileServer(
  { settings }: House,
  redis: WorkerConnection,
  store: ArtifactStore,
): ArtifactServer {
  const { artifactHost, artifactPort } = settings;
  const token = artifactToken(redis);
  token.catch(() => undefined);
  return new ArtifactServer({ store, host: artifactHost, port: artifactPort, token });
}

/** Where the other half reaches it. */
export const addressFor = ({ settings }: House, server: ArtifactServer): string =>
  settings.artifactUrl ?? server.url;
