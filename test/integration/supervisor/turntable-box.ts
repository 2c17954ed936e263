import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { asModelId, type ModelId } from '../../../src/contracts/ids.ts';
import type { ModelDeadlines, ModelSpec } from '../../../src/contracts/model.ts';
import { type Clock, systemClock } from '../../../src/platform/clock.ts';
import { HttpClient } from '../../../src/platform/http-client.ts';
import { NvidiaSmi, noGpu } from '../../../src/supervisor/gpu-probe.ts';
import { ProcessTurntable } from '../../../src/supervisor/turntable.ts';
import { EventRecorder } from '../../helpers/event-recorder.ts';
import { killMarked, processesMarked } from '../../helpers/processes.ts';

export const projectDir = join(import.meta.dirname, '..', '..', '..');
const searchPath = process.env.PATH ?? '';

/** Long enough never to strike in a test that does not mean them to. */
const patient: ModelDeadlines = {
  loadStallMs: 60_000,
  loadTotalMs: 60_000,
  firstTokenMs: 60_000,
  interTokenMs: 60_000,
  stopGraceMs: 10_000,
};

export interface StandIn {
  readonly habit?: string;
  readonly args?: Readonly<Record<string, unknown>>;
  readonly deadlines?: Partial<ModelDeadlines>;
  readonly vramMb?: number;
  readonly port?: number;
  readonly serviceScript?: string;
  /** Its service can, and it is wanted. */
  readonly sleep?: boolean;
}

export interface TurntableBox {
  readonly dir: string;
  readonly instanceId: string;
  readonly turntable: ProcessTurntable;
  readonly events: EventRecorder;
  readonly http: HttpClient;
  /** Folder that the stand-in nvidia-smi does its sums from. */
  readonly ledger: string;
  /** Processes of ours that still run. */
  survivors(): Promise<readonly number[]>;
}

export interface BoxOptions {
  readonly withGpu?: boolean;
  readonly settleMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  readonly hostFreeMb?: number;
  readonly sleepPatienceMs?: number;
}

/** A turntable of stand-ins in a folder of its own; everything is gone after the test. */
export async function turntableBox(
  t: TestContext,
  standIns: Readonly<Record<string, StandIn>>,
  { withGpu = false, settleMs, env = {}, clock = systemClock, ...sleep }: BoxOptions = {},
): Promise<TurntableBox> {
  const dir = await mkdtemp(join(tmpdir(), 'rh-tt-'));
  const ledger = join(dir, 'ledger');
  const bin = join(dir, 'bin');
  await mkdir(ledger);
  await writeNvidiaSmi(bin, ledger);
  const events = new EventRecorder();
  const http = new HttpClient();
  const instanceId = `box-${dir.slice(-6)}`;
  const models = modelSpecs(standIns, ledger);
  const turntable = new ProcessTurntable({
    models: () => models,
    projectDir,
    runtimeDir: join(dir, 'run'),
    logsDir: join(dir, 'logs'),
    instanceId,
    env: { PATH: searchPath, HOME: dir, ...env },
    clock,
    emit: (event) => events.add(event),
    gpuProbe: withGpu ? new NvidiaSmi({ searchPath: `${bin}:${searchPath}` }) : noGpu,
    http,
    ...(settleMs === undefined ? {} : { settleMs }),
    hostFreeMb: async () => sleep.hostFreeMb ?? null,
    ...(sleep.sleepPatienceMs === undefined ? {} : { sleepPatienceMs: sleep.sleepPatienceMs }),
  });
  t.after(async () => {
    await turntable.stop(AbortSignal.abort());
    await http.close();
    await killMarked(instanceId);
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  });
  return { dir, instanceId, turntable, events, http, ledger, survivors: () => processesMarked(instanceId) };
}

/** Never 0, which would mean this process and all beside it. */
export function pidOf({ turntable }: TurntableBox, id: ModelId): number {
  const pid = turntable.states().get(id)?.pid;
  if (!pid) throw new Error(`the server of ${id} has no pid`);
  return pid;
}

export const model = (name: string): ModelId => asModelId(name);

function modelSpecs(standIns: Readonly<Record<string, StandIn>>, ledger: string): Map<ModelId, ModelSpec> {
  return new Map(Object.entries(standIns).map(([id, each]) => [asModelId(id), specOf(id, each, ledger)]));
}

export function specOf(id: string, standIn: StandIn, ledger: string): ModelSpec {
  const {
    habit = 'none',
    args = {},
    deadlines = {},
    vramMb = 0,
    port,
    serviceScript,
    sleep = false,
  } = standIn;
  return {
    id: asModelId(id),
    type: 'text',
    aliases: [],
    serviceScript: serviceScript ?? join(projectDir, 'test/stand-ins/server.py'),
    endpoints: ['/v1/chat/completions'],
    port: port ?? null,
    startupTimeMs: 1_000,
    serviceTimeMs: 1_000,
    vramMb,
    concurrency: 4,
    pinned: false,
    sleep,
    sleepRamMb: vramMb,
    readAhead: true,
    args: { habit, can_sleep: sleep, vram_mb: vramMb, ledger, ...args },
    queueCap: 10,
    queueTtlMs: 60_000,
    allowWeights: [],
    executionTimeoutMs: 60_000,
    deadlines: { ...patient, ...deadlines },
  };
}

async function writeNvidiaSmi(bin: string, ledger: string): Promise<void> {
  await mkdir(bin);
  const script = join(projectDir, 'test/stand-ins/nvidia_smi.py');
  const program = join(bin, 'nvidia-smi');
  await writeFile(program, `#!/bin/sh\nexec python3 '${script}' '${ledger}' "$@"\n`);
  await chmod(program, 0o755);
}
