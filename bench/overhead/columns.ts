import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import type { NetConnectOpts } from 'node:net';
import { createInterface } from 'node:readline';
import { findRedisBinary } from '../../src/queue/redis-binary.ts';
import { projectDir, type RunningRoundhouse, type Site } from '../lib/processes.ts';

/** One way to the same upstream. */
export interface Column {
  readonly name: string;
  readonly target: NetConnectOpts;
  readonly headers: Readonly<Record<string, string>>;
  /** Processes between client and upstream whose time is counted. */
  readonly pids: readonly number[];
}

const local = (port: number): NetConnectOpts => ({ host: '127.0.0.1', port });

export async function startColumns(
  site: Site,
): Promise<{ columns: Column[]; roundhouse: RunningRoundhouse }> {
  const roundhouse = await site.roundhouse(models);
  await warm(roundhouse);
  const socketPath = await socketOf(site);
  const relay = await site.script('overhead/express-relay.ts', [socketPath]);
  const redis = await startRedis(site);
  const bull = (role: string, queue: string) =>
    site.script('overhead/bullmq-server.ts', [role, redis, socketPath, queue]);
  const together = await bull('all', 'together');
  await bull('worker', 'apart');
  const apart = await bull('api', 'apart');
  const authorization = `Bearer ${roundhouse.apiKey}`;
  const columns = [
    { name: 'direct', target: { path: socketPath }, headers: {}, pids: [] },
    { name: 'express', target: local(Number(relay.line)), headers: {}, pids: [relay.pid] },
    { name: 'bullmq', target: local(Number(together.line)), headers: {}, pids: [together.pid] },
    { name: 'bullmq, two processes', target: local(Number(apart.line)), headers: {}, pids: [apart.pid] },
    {
      name: 'roundhouse',
      target: local(roundhouse.port),
      headers: { authorization },
      pids: [roundhouse.pid, await redisPid(roundhouse.pid)],
    },
  ];
  return { columns, roundhouse };
}

const models = {
  models: {
    noop: {
      type: 'text',
      service_script: 'bench/noop-server.py',
      endpoint: '/v1/chat/completions',
      startup_time: 1,
      service_time: 0.05,
      concurrency: 64,
    },
  },
};

export const prompt = { model: 'noop', messages: [{ role: 'user', content: 'x'.repeat(200) }] };

/** The first call loads the model. */
async function warm({ url, apiKey }: RunningRoundhouse): Promise<void> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers,
    body: JSON.stringify(prompt),
  });
  if (!response.ok) throw new Error(`the model did not load: ${await response.text()}`);
  await response.arrayBuffer();
}

async function socketOf(site: Site): Promise<string> {
  const [socket] = (await readdir(site.path('run/m'))).filter((name) => name.endsWith('.sock'));
  if (socket === undefined) throw new Error('the model server has no socket');
  return site.path(`run/m/${socket}`);
}

/** As durable as the one of Roundhouse. */
async function startRedis(site: Site): Promise<string> {
  const path = site.path('bull.sock');
  const settings = {
    port: '0',
    unixsocket: path,
    dir: site.dir,
    save: '',
    appendonly: 'yes',
    appendfsync: 'everysec',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const binary = await findRedisBinary(process.env.PATH ?? '', projectDir);
  const child = spawn(binary, [...args, '--maxmemory-policy', 'noeviction'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  site.own(child);
  for await (const line of createInterface({ input: child.stdout }))
    if (/Ready to accept|accept connections/.test(line)) break;
  child.stdout.resume();
  return path;
}

/** The private Redis is the server process below the launcher below the orchestrator. */
async function redisPid(parent: number): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!/(redis|valkey)-server\0/.test(command)) continue;
    const parents = await ancestors(pid);
    if (parents.includes(parent) && !command.includes('launcher.py')) return Number(pid);
  }
  throw new Error('the private Redis was not found');
}

async function ancestors(pid: string): Promise<number[]> {
  const found: number[] = [];
  for (let at = Number(pid); at > 1; ) {
    const stat = await readFile(`/proc/${at}/stat`, 'utf8').catch(() => '');
    at = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
    found.push(at);
  }
  return found;
}
