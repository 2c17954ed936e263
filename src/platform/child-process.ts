import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { type ServiceEvent, serviceEnv, serviceEventSchema } from '../contracts/service-protocol.ts';
import { type LauncherPool, launcherEventsFd, spawnLauncher } from './launcher-pool.ts';
import { OutputLines } from './output-lines.ts';

const cannotRun = 127;
/** After the exit, for output that is still in the pipe; a pipe that a stranger holds open is not waited for. */
const lastOutputMs = 200;
/** A launcher that is itself stuck is killed after this and its grace. */
const killPatienceMs = 5_000;

export interface LaunchOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** From `terminate` to the kill of the tree. */
  readonly graceMs: number;
  /** What it gets, with SIGTERM, when this process dies without a word, or kills it. Default: nothing. */
  readonly orphanGraceMs?: number;
  /** Runs the launcher; the default is `python3` on the PATH of `env`. */
  readonly python?: string;
  /** Where a launcher may wait already. */
  readonly launchers?: Pick<LauncherPool, 'take'>;
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Called for every piece of output, also what is left out of the lines. */
  readonly onOutput?: (bytes: number) => void;
  readonly onEvent?: (event: ServiceEvent) => void;
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface LaunchedProcess {
  /** Of the launcher; 0 when not even that could be started. */
  readonly pid: number;
  /** Resolves when the tree is gone; `isCertain` is false when the launcher died before it could see to that. */
  readonly exited: Promise<ExitStatus & { readonly isCertain: boolean }>;
  /** SIGTERM to the program, SIGKILL to its tree when the grace is over. */
  terminate(): void;
  /** SIGKILL to the whole tree, once the grace of an orphan is over. */
  kill(): void;
}

/**
 * Starts a program under gpu-services/core/launcher.py: its whole tree dies with it, and with us. Output is always
 * drained. A program that cannot be started exits with 127 and a line that says why.
 */
export function launch(options: LaunchOptions): LaunchedProcess {
  const child = waitingLauncher(options) ?? newLauncher(options);
  const seen: { exit: ExitStatus | null } = { exit: null };
  readLines(child.stdout, options, 'stdout');
  readLines(child.stderr, options, 'stderr');
  readEvents(child.stdio[launcherEventsFd] as Readable | null, options, (status) => {
    seen.exit = status;
  });
  const deathPipe = child.stdin as Writable;
  deathPipe.on('error', () => {}); // the launcher is gone: `exited` tells
  return {
    pid: child.pid ?? 0,
    exited: untilGone(child, options, seen),
    terminate: () => void child.kill('SIGTERM'),
    kill: () => killTree(child, deathPipe, options.orphanGraceMs ?? 0),
  };
}

function newLauncher(options: LaunchOptions): ChildProcess {
  const { python = 'python3', graceMs, orphanGraceMs = 0, command, args, cwd, env } = options;
  const graces = ['--grace-seconds', graceMs / 1000, '--orphan-grace-seconds', orphanGraceMs / 1000];
  return spawnLauncher(python, [...graces.map(String), '--', command, ...args], cwd, env);
}

/** One that is there already, with its order on the way to it; null: there is none. */
function waitingLauncher(options: LaunchOptions): ChildProcess | null {
  const { launchers, python, graceMs, orphanGraceMs = 0, command, args, cwd, env } = options;
  const child = python === undefined ? (launchers?.take(env.PATH) ?? null) : null;
  const order = {
    command: [command, ...args],
    grace_seconds: graceMs / 1000,
    orphan_grace_seconds: orphanGraceMs / 1000,
    cwd,
    env: { ...env, [serviceEnv.eventsFd]: String(launcherEventsFd) },
  };
  child?.stdin?.write(`${JSON.stringify(order)}\n`);
  return child;
}

function readLines(pipe: Readable | null, options: LaunchOptions, stream: 'stdout' | 'stderr'): void {
  const lines = new OutputLines((line) => options.onLine?.(line, stream));
  pipe?.on('data', (chunk: Buffer) => {
    options.onOutput?.(chunk.length);
    lines.push(chunk);
  });
  pipe?.once('close', () => lines.end());
  pipe?.on('error', () => {});
}

function readEvents(pipe: Readable | null, options: LaunchOptions, onExit: (status: ExitStatus) => void) {
  const lines = new OutputLines((line) => {
    const event = parseEvent(line);
    if (!event) return options.onLine?.(`not an event of the protocol: ${line.slice(0, 200)}`, 'stderr');
    if (event.type === 'exited') onExit({ code: event.code, signal: event.signal });
    options.onEvent?.(event);
  });
  pipe?.on('data', (chunk: Buffer) => lines.push(chunk));
  pipe?.once('close', () => lines.end());
  pipe?.on('error', () => {});
}

function parseEvent(line: string): ServiceEvent | null {
  try {
    return serviceEventSchema.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}

async function untilGone(child: ChildProcess, options: LaunchOptions, seen: { exit: ExitStatus | null }) {
  // From the start on: it may come together with the exit.
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const own = await new Promise<ExitStatus>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.on('error', (error) => {
      if (child.pid !== undefined) return;
      options.onLine?.(`cannot run python3 (${error.message}): install Python 3.10 or newer`, 'stderr');
      resolve({ code: cannotRun, signal: null });
    });
  });
  await untilDrained(closed);
  for (const pipe of child.stdio) pipe?.destroy();
  return { ...(seen.exit ?? own), isCertain: seen.exit !== null || child.pid === undefined };
}

function untilDrained(closed: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, lastOutputMs);
    void closed.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function killTree(child: ChildProcess, deathPipe: Writable, graceMs: number): void {
  deathPipe.destroy();
  const isOver = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  if (isOver()) return;
  setTimeout(() => {
    if (!isOver()) child.kill('SIGKILL');
  }, graceMs + killPatienceMs).unref();
}
