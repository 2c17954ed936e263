import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Env } from './environment.ts';
import {
  anyText,
  apiKeys,
  choice,
  hostName,
  httpUrl,
  label,
  type Parser,
  path,
  redisUrl,
  secondsAsMs,
  shortPath,
  times,
  wholeNumber,
} from './setting-parsers.ts';

const mib = 1024 * 1024;
const gib = 1024 * mib;

export type Role = 'all' | 'api' | 'worker';
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** What can be set through the environment, parsed. */
export interface SettingValues {
  readonly role: Role;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly publicUrl: string | null;
  readonly dataDir: string;
  readonly runtimeDir: string;
  readonly modelsPath: string;
  readonly weightsDir: string;
  readonly hubTokenPath: string;
  readonly torchBuild: 'auto' | 'cpu' | 'cuda';
  readonly wheelsDir: string | null;
  /** Plain, or `sha256:<hex>`. */
  readonly apiKeys: readonly string[];
  /** null: a private server is started (role `all` only). */
  readonly redisUrl: string | null;
  readonly redisSource: 'auto' | 'wheel';
  /** null: no limit. */
  readonly redisMaxMemoryMb: number | null;
  readonly workerName: string;
  readonly artifactHost: string;
  readonly artifactPort: number;
  readonly artifactUrl: string | null;
  readonly syncMaxWaitMs: number;
  readonly disconnectGraceMs: number;
  /** Of one file that a client sends. */
  readonly uploadMaxBytes: number;
  /** Of all result files together. */
  readonly artifactsMaxBytes: number;
  readonly logLevel: LogLevel;
  /** Where the terminal commands find the API; null: host and port above. */
  readonly url: string | null;
  /** Key of the terminal commands; null: the file `api-key` of the data folder. */
  readonly apiKey: string | null;
}

/** What defaults depend on. */
export interface Machine {
  readonly hostName: string;
  readonly userId: number;
  readonly hasGpu: boolean;
}

export interface SettingContext {
  readonly env: Env;
  readonly projectDir: string;
  readonly machine: Machine;
}

export interface Setting<Value> {
  readonly name: string;
  readonly what: string;
  /** The default in words, for help and documentation. */
  readonly shown: string;
  readonly fallback: (context: SettingContext) => Value;
  readonly parse: Parser<Value>;
}

/** Every setting once: the parser, `roundhouse help` and docs/CONFIGURATION.md are made from this. */
export const settingsTable: { readonly [Key in keyof SettingValues]: Setting<SettingValues[Key]> } = {
  role: {
    name: 'ROUNDHOUSE_ROLE',
    what: '`all`: everything in one process; `api` and `worker`: the two halves, on one box or several, with one Redis between them. `--role` wins over it.',
    shown: '`all`',
    fallback: () => 'all',
    parse: choice('all', 'api', 'worker'),
  },
  host: {
    name: 'ROUNDHOUSE_HOST',
    what: 'Address that the API listens on. `0.0.0.0` opens it to the network (a pod behind a proxy needs that); a key is asked for either way.',
    shown: '`127.0.0.1`',
    fallback: () => '127.0.0.1',
    parse: hostName,
  },
  port: {
    name: 'ROUNDHOUSE_PORT',
    what: 'Port of the API; `0` takes any free one.',
    shown: '`9000`',
    fallback: () => 9000,
    parse: wholeNumber({ min: 0, max: 65_535 }),
  },
  publicUrl: {
    name: 'ROUNDHOUSE_PUBLIC_URL',
    what: 'Base URL under which clients reach the API, for links in answers and webhooks.',
    shown: 'the host that a request names',
    fallback: () => null,
    parse: httpUrl,
  },
  dataDir: {
    name: 'ROUNDHOUSE_DATA',
    what: 'Folder of all that must last: the private Redis, artifacts, logs and keys.',
    shown: '`.roundhouse` in the project folder',
    fallback: dataDirOf,
    parse: path,
  },
  runtimeDir: {
    name: 'ROUNDHOUSE_RUNTIME',
    what: 'Short folder for sockets and locks, on a local disk, at most 64 bytes long.',
    shown: '`/tmp/roundhouse-<user>-<hash of the data folder>`',
    fallback: (context) => {
      const hash = createHash('sha256').update(dataDirOf(context)).digest('hex').slice(0, 8);
      return `/tmp/roundhouse-${context.machine.userId}-${hash}`;
    },
    parse: shortPath,
  },
  modelsPath: {
    name: 'ROUNDHOUSE_MODELS',
    what: 'The models file.',
    shown: '`models.yaml` where `nvidia-smi` lists a GPU, else `models.cpu.yaml`',
    fallback: ({ projectDir, machine }) =>
      join(projectDir, machine.hasGpu ? 'models.yaml' : 'models.cpu.yaml'),
    parse: path,
  },
  weightsDir: {
    name: 'HF_HOME',
    what: "Folder of the models' weights, in the Hugging Face cache's own layout; one that is there already is used.",
    shown: '`huggingface` in the data folder',
    fallback: (context) => join(dataDirOf(context), 'huggingface'),
    parse: path,
  },
  hubTokenPath: {
    name: 'ROUNDHOUSE_HF_TOKEN_FILE',
    what: 'File with the access token of the hub, readable by its owner only; `HF_TOKEN` wins over it. Only `models pull` reads either.',
    shown: '`hf-token` in the data folder',
    fallback: (context) => join(dataDirOf(context), 'hf-token'),
    parse: path,
  },
  torchBuild: {
    name: 'ROUNDHOUSE_TORCH',
    what: 'Which PyTorch `install.sh` installs. `auto`: for CUDA where `nvidia-smi` lists a GPU, else for the CPU; `cpu`, `cuda`: that one.',
    shown: '`auto`',
    fallback: () => 'auto',
    parse: choice('auto', 'cpu', 'cuda'),
  },
  wheelsDir: {
    name: 'ROUNDHOUSE_WHEELS',
    what: 'Folder of Python wheels that `install.sh` fills once and installs from without a network, on this machine and others.',
    shown: 'none',
    fallback: () => null,
    parse: path,
  },
  apiKeys: {
    name: 'ROUNDHOUSE_API_KEYS',
    what: 'Keys that clients may send, separated by commas: plain, or `sha256:` and the hex digest of the key.',
    shown: 'the one in the file `api-key` of the data folder, made on the first start',
    fallback: () => [],
    parse: apiKeys,
  },
  redisUrl: {
    name: 'REDIS_URL',
    what: 'Redis 6.2 or newer, or Valkey: `redis://`, `rediss://`, `unix://` or a socket path. Roles `api` and `worker` need it.',
    shown: 'a private server in the data folder',
    fallback: () => null,
    parse: redisUrl,
  },
  redisSource: {
    name: 'ROUNDHOUSE_REDIS',
    what: 'Program of the private server. `auto`: `redis-server` or `valkey-server` on PATH, else the installed wheel; `wheel`: the wheel always.',
    shown: '`auto`',
    fallback: () => 'auto',
    parse: choice('auto', 'wheel'),
  },
  redisMaxMemoryMb: {
    name: 'ROUNDHOUSE_MAX_MEMORY_MB',
    what: 'Memory limit of the private Redis in MB. When it is reached, new jobs are refused with 507 and nothing is dropped.',
    shown: 'half of the memory of the machine',
    fallback: () => null,
    parse: wholeNumber({ min: 4, max: 1_048_576 }),
  },
  workerName: {
    name: 'ROUNDHOUSE_WORKER',
    what: 'Name of this worker, the same over restarts and different from all others on one Redis.',
    shown: 'the host name',
    fallback: ({ machine }) => machine.hostName.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 63) || 'worker',
    parse: label,
  },
  artifactHost: {
    name: 'ROUNDHOUSE_ARTIFACT_HOST',
    what: 'Roles `worker` and `api`: address on which they serve files to each other, results one way and uploads the other.',
    shown: '`127.0.0.1`',
    fallback: () => '127.0.0.1',
    parse: hostName,
  },
  artifactPort: {
    name: 'ROUNDHOUSE_ARTIFACT_PORT',
    what: 'Roles `worker` and `api`: port for the same; `0` takes any free one.',
    shown: '`9001`, of role `api` `9002`',
    fallback: ({ env }) => (env.ROUNDHOUSE_ROLE === 'api' ? 9002 : 9001),
    parse: wholeNumber({ min: 0, max: 65_535 }),
  },
  artifactUrl: {
    name: 'ROUNDHOUSE_ARTIFACT_URL',
    what: 'Roles `worker` and `api`: base URL under which the other half reaches it, when that is not host and port.',
    shown: '`http://<artifact host>:<artifact port>`',
    fallback: () => null,
    parse: httpUrl,
  },
  syncMaxWaitMs: {
    name: 'ROUNDHOUSE_SYNC_MAX_WAIT_S',
    what: 'Longest wait of a request without `stream`, in seconds; then 504 with the id of the job, which goes on. Under 300, where common clients give up.',
    shown: '`280`',
    fallback: () => 280_000,
    parse: secondsAsMs({ min: 0.1, max: 86_400 }),
  },
  disconnectGraceMs: {
    name: 'ROUNDHOUSE_DISCONNECT_GRACE_S',
    what: 'Seconds that a job lives on after its waiting client left, so that a retry finds it; then it is cancelled.',
    shown: '`15`',
    fallback: () => 15_000,
    parse: secondsAsMs({ min: 0, max: 3600 }),
  },
  uploadMaxBytes: {
    name: 'ROUNDHOUSE_UPLOAD_MAX_MB',
    what: 'Largest file that a client may send, in MB (MiB).',
    shown: '`50`',
    fallback: () => 50 * mib,
    parse: times(mib, wholeNumber({ min: 1, max: 4096 })),
  },
  artifactsMaxBytes: {
    name: 'ROUNDHOUSE_ARTIFACTS_MAX_GB',
    what: 'Room for result files in GB (GiB). Over it, the files of the jobs that ended first are removed before their time.',
    shown: '`50`',
    fallback: () => 50 * gib,
    parse: times(gib, wholeNumber({ min: 1, max: 1_000_000 })),
  },
  logLevel: {
    name: 'ROUNDHOUSE_LOG_LEVEL',
    what: 'Least severe log line that is written.',
    shown: '`info`',
    fallback: () => 'info',
    parse: choice('trace', 'debug', 'info', 'warn', 'error', 'silent'),
  },
  url: {
    name: 'ROUNDHOUSE_URL',
    what: 'Terminal commands: where the API is.',
    shown: '`http://<host>:<port>` as set above',
    fallback: () => null,
    parse: httpUrl,
  },
  apiKey: {
    name: 'ROUNDHOUSE_API_KEY',
    what: 'Terminal commands: the key they send.',
    shown: 'the file `api-key` of the data folder',
    fallback: () => null,
    parse: anyText,
  },
};

function dataDirOf({ env, projectDir }: SettingContext): string {
  return path(env.ROUNDHOUSE_DATA || '.roundhouse', { projectDir });
}
