import type { Emit } from '../contracts/events.ts';
import type { ServiceEvent } from '../contracts/service-protocol.ts';
import { type ProbeClient, probeHealth } from './health-probe.ts';
import { ModelProcess, type ModelProcessOptions, type ServerSurroundings } from './model-process.ts';
import { untilReady } from './readiness.ts';
import type { VramGate } from './vram-gate.ts';

export interface StartServerOptions extends ModelProcessOptions {
  readonly surroundings: ServerSurroundings;
  readonly gate: VramGate;
  readonly http: ProbeClient;
  readonly emit: Emit;
  readonly onEvent: (event: ServiceEvent) => void;
  readonly onLoading: (progress: number | null, phase: string | null) => void;
}

/** What a started server took of the GPU is measured against this. */
export interface StartedServer {
  readonly process: ModelProcess;
  /** Free GPU memory right before, MB; null without a GPU. */
  readonly freeBeforeMb: number | null;
}

/**
 * Waits for room, launches the server and waits until it can generate. When that comes to nothing, its tree is gone
 * before this rejects.
 * @throws Error whose message is the end of the sentence "it could not be started: ..."
 */
export async function startServer(options: StartServerOptions, signal: AbortSignal): Promise<StartedServer> {
  const { spec, gate, surroundings } = options;
  await gate.waitForRoom(spec.id, spec.vramMb, signal);
  const freeBeforeMb = await gate.freeMb();
  signal.throwIfAborted();
  const process = await ModelProcess.start(surroundings, options);
  tellExit(process, options);
  const readiness = await untilReady(readinessOptions(process, options, signal));
  if (readiness.kind === 'ready') return { process, freeBeforeMb };
  await endFailedStart(process, readiness.reason, options);
  throw new Error(process.note === null ? readiness.reason : `${readiness.reason}; ${process.note}`);
}

function readinessOptions(process: ModelProcess, options: StartServerOptions, signal: AbortSignal) {
  const { signs, bootId, isOwnSocket, target } = process;
  const { spec, http, onLoading, surroundings } = options;
  const probe = (probeSignal: AbortSignal) => probeHealth(http, target, probeSignal);
  return {
    signs,
    bootId,
    isOwnSocket,
    deadlines: spec.deadlines,
    clock: surroundings.clock,
    probe,
    onLoading,
    signal,
  };
}

function tellExit(process: ModelProcess, { spec, bootId, http, emit }: StartServerOptions): void {
  void process.exited.then((exit) => {
    http.forget(process.target);
    emit({ type: 'server.exited', model: spec.id, bootId, ...exit, expected: process.isEnding });
  });
}

async function endFailedStart(
  process: ModelProcess,
  reason: string,
  options: StartServerOptions,
): Promise<void> {
  if (!process.signs.exit) {
    options.emit({ type: 'server.killed', model: options.spec.id, bootId: options.bootId, reason });
    process.kill();
  }
  await process.exited;
}
