import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export const projectDir = join(import.meta.dirname, '..', '..');

/** Everything that a bench starts and writes; gone at its end: `await using site = await Site.create()`. */
export class Site {
  readonly dir: string;
  private readonly children: ChildProcess[] = [];

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async create(): Promise<Site> {
    return new Site(await mkdtemp(join(tmpdir(), 'rhb-')));
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  /** Ends this process with the bench. */
  own(child: ChildProcess): void {
    this.children.push(child);
  }

  /** A script of the benches; resolves with the first line that it prints when it is ready. */
  async script(
    file: string,
    args: readonly string[],
  ): Promise<{ readonly line: string; readonly pid: number }> {
    const child = spawn(process.execPath, [join(projectDir, 'bench', file), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.children.push(child);
    const lines = createInterface({ input: child.stdout });
    const gone = once(child, 'exit').then(([code]) => {
      throw new Error(`${file} exited with ${code}`);
    });
    gone.catch(() => undefined);
    const [line] = (await Promise.race([once(lines, 'line'), gone])) as [string];
    return { line, pid: child.pid ?? 0 };
  }

  /** `scripts/roundhouse serve` with its shipped defaults, its log in a file as in production; resolves when it serves. */
  async roundhouse(models: object, env: Readonly<Record<string, string>> = {}): Promise<RunningRoundhouse> {
    await writeFile(this.path('models.yaml'), JSON.stringify(models));
    const port = await freePort();
    const log = await open(this.path('serve.log'), 'a');
    const child = spawn(join(projectDir, 'scripts/roundhouse'), ['serve'], {
      cwd: projectDir,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: this.dir,
        // For a profile: BENCH_NODE_FLAGS='--cpu-prof --cpu-prof-dir=...'
        NODE_OPTIONS: process.env.BENCH_NODE_FLAGS ?? '',
        ROUNDHOUSE_PORT: String(port),
        ROUNDHOUSE_DATA: this.path('data'),
        ROUNDHOUSE_RUNTIME: this.path('run'),
        ROUNDHOUSE_MODELS: this.path('models.yaml'),
        ...env,
      },
      stdio: ['ignore', log.fd, log.fd],
    });
    await log.close();
    this.children.push(child);
    const url = `http://127.0.0.1:${port}`;
    await this.until(child, () =>
      fetch(`${url}/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    const apiKey = (await readFile(join(this.path('data'), 'api-key'), 'utf8')).trim();
    return { url, port, apiKey, pid: child.pid ?? 0, redisSocket: this.path('run/redis.sock'), child };
  }

  async stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.children.map((child) => this.stop(child)));
    if (process.env.BENCH_KEEP === undefined)
      await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  private async until(child: ChildProcess, isReady: () => Promise<boolean>): Promise<void> {
    while (!(await isReady())) {
      if (child.exitCode !== null)
        throw new Error(`it did not start:\n${await readFile(this.path('serve.log'), 'utf8')}`);
      await sleep(20);
    }
  }
}

export interface RunningRoundhouse {
  readonly url: string;
  readonly port: number;
  readonly apiKey: string;
  readonly pid: number;
  readonly redisSocket: string;
  readonly child: ChildProcess;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** CPU time that a process has used so far, its own threads included, µs. */
export async function cpuUs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
