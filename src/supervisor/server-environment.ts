import { delimiter, join } from 'node:path';
import type { Env } from '../config/environment.ts';
import type { BootId } from '../contracts/ids.ts';
import type { ModelSpec } from '../contracts/model.ts';
import { serviceEnv } from '../contracts/service-protocol.ts';

export interface ServerIdentity {
  readonly spec: ModelSpec;
  readonly bootId: BootId;
  readonly instanceId: string;
  readonly projectDir: string;
  /** null: it listens on `spec.port`. */
  readonly socketPath: string | null;
  /** Folder of libraries that the installation unpacked, when there is one. */
  readonly libraryDir: string | null;
  /** Folder of the hub's weights; null: where the machine's environment says. */
  readonly weightsDir: string | null;
}

/** Names that a model server has no business to know, whoever set them. */
const secretName = /(^|_)(API_?KEYS?|KEYS?|TOKENS?|SECRETS?|PASSWORDS?|PASSWD|CREDENTIALS?|REDIS_URL)(_|$)/i;
/** Ours, npm's and Node's: they mean other programs than a model server. */
const foreignName = /^(ROUNDHOUSE_|RUNPOD_|NODE_|npm_|PYTHONHOME$|VIRTUAL_ENV$)/;
/** Weights are here before a model starts, and none of its libraries looks for newer ones. */
const offline = { HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1', HF_DATASETS_OFFLINE: '1' };
/** The service ends by itself before the launcher would kill it. */
const earlierMs = 1_000;

/** The whole environment of a model server: what the machine says, less the secrets, plus what it must know. */
export function serverEnvironment(base: Env, identity: ServerIdentity): Record<string, string> {
  const { spec, bootId, instanceId, projectDir, socketPath } = identity;
  const where =
    socketPath === null ? { [serviceEnv.port]: String(spec.port) } : { [serviceEnv.socket]: socketPath };
  return {
    ...withoutSecrets(base),
    ...libraryPath(base, identity.libraryDir),
    ...where,
    ...(identity.weightsDir === null ? {} : { HF_HOME: identity.weightsDir }),
    PYTHONPATH: join(projectDir, 'gpu-services'),
    PYTHONUNBUFFERED: '1',
    ...(spec.args.allow_downloads === true ? {} : offline),
    HF_HUB_DISABLE_TELEMETRY: '1',
    // Some engines rename their processes, which would wipe the marker below from /proc/PID/environ.
    SPT_NOENV: '1',
    ROUNDHOUSE_GRACE_SECONDS: String(ownGraceMs(spec.deadlines.stopGraceMs) / 1000),
    [serviceEnv.bootId]: bootId,
    [serviceEnv.instance]: instanceId,
    [serviceEnv.model]: spec.id,
    [serviceEnv.args]: JSON.stringify(spec.args),
    ...(spec.sleep ? { [serviceEnv.sleep]: '1' } : {}),
  };
}

function withoutSecrets(base: Env): Record<string, string> {
  const kept = Object.entries(base).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !secretName.test(entry[0]) && !foreignName.test(entry[0]),
  );
  return Object.fromEntries(kept);
}

function libraryPath(base: Env, libraryDir: string | null): Record<string, string> {
  if (libraryDir === null) return {};
  const path = [libraryDir, base.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
  return { LD_LIBRARY_PATH: path };
}

const ownGraceMs = (graceMs: number): number => Math.max(graceMs - earlierMs, graceMs / 2);
