import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { serviceEnv } from '../contracts/service-protocol.ts';
import type { Clock } from './clock.ts';

const launcherScript = join(import.meta.dirname, '../../gpu-services/core/launcher.py');
export const launcherEventsFd = 3;
/** The next spare is made when the server that took the last one has had its start. */
const refillAfterMs = 50;
const longestFarewellMs = 1_000;

/** Starts the launcher: with a command, or with `--wait` for an order on its stdin. */
export function spawnLauncher(
  python: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): ChildProcess {
  // Isolated from the service's PYTHON* variables, which are meant for its own interpreter.
  return spawn(python, ['-I', '-S', launcherScript, ...args], {
    cwd,
    env: { ...env, [serviceEnv.eventsFd]: String(launcherEventsFd) },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
}

/** Keeps one launcher that waits for its order, so that a start does not wait for an interpreter. */
export class LauncherPool {
  private readonly searchPath: string;
  private readonly clock: Pick<Clock, 'after'>;
  private spare: ChildProcess | null = null;
  private cancelRefill: () => void = () => {};
  private isClosed = false;

  constructor(searchPath: string, clock: Pick<Clock, 'after'>) {
    this.searchPath = searchPath;
    this.clock = clock;
  }

  prepare(): void {
    if (this.isClosed || isAlive(this.spare)) return;
    const spare = spawnLauncher('python3', ['--wait'], '/', { PATH: this.searchPath });
    // One that does not come up is not taken: the start then makes its own, and tells what is wrong.
    spare.on('error', () => {});
    spare.stdin?.on('error', () => {});
    hold(spare, false);
    this.spare = spare;
  }

  /** A launcher for this search path that waits for its order; null: there is none. */
  take(searchPath: string | undefined): ChildProcess | null {
    const spare = this.spare;
    if (searchPath !== this.searchPath || !isAlive(spare)) return null;
    this.spare = null;
    spare.removeAllListeners('error');
    hold(spare, true);
    this.cancelRefill();
    this.cancelRefill = this.clock.after(refillAfterMs, () => this.prepare());
    return spare;
  }

  /** Ends the one that waits. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.cancelRefill();
    const spare = this.spare;
    this.spare = null;
    if (!isAlive(spare)) return;
    hold(spare, true);
    const kill = setTimeout(() => spare.kill('SIGKILL'), longestFarewellMs);
    spare.stdin?.end();
    await once(spare, 'exit');
    clearTimeout(kill);
  }
}

const isAlive = (child: ChildProcess | null): child is ChildProcess =>
  child?.pid !== undefined && child.exitCode === null && child.signalCode === null;

/** Whether it keeps this process alive. */
function hold(child: ChildProcess, isHolding: boolean): void {
  if (isHolding) child.ref();
  else child.unref();
  for (const pipe of child.stdio as readonly (Socket | null)[]) {
    if (isHolding) pipe?.ref();
    else pipe?.unref();
  }
}
