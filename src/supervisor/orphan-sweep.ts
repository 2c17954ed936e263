import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Emit } from '../contracts/events.ts';
import type { Clock } from '../platform/clock.ts';
import { killMarked } from './marked-processes.ts';

export interface OrphanSweepOptions {
  /** The same over restarts on one data folder, and different from all others. */
  readonly instanceId: string;
  /** Folder of the model servers' sockets, ours alone. */
  readonly socketsDir: string;
  readonly clock: Clock;
  readonly emit: Emit;
}

/**
 * Ends what an earlier run of this instance left behind, before anything new is loaded. The launcher sees to that
 * within moments of a crash; this is for the case that the launcher was killed, too.
 */
export async function sweepOrphans({
  instanceId,
  socketsDir,
  clock,
  emit,
}: OrphanSweepOptions): Promise<void> {
  const pids = await killMarked(instanceId, () => true, clock);
  if (pids.length > 0) emit({ type: 'orphans.swept', pids });
  await mkdir(socketsDir, { recursive: true, mode: 0o700 });
  for (const name of await readdir(socketsDir)) await rm(join(socketsDir, name), { force: true });
}
