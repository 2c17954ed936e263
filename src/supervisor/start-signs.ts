import type { ServiceEvent, ServiceStatus } from '../contracts/service-protocol.ts';
import type { ExitStatus } from '../platform/child-process.ts';

/** What a starting server has shown of itself so far, and a way to wait for more. */
export class StartSigns {
  /** Monotonic ms of the last sign of life: an event, a piece of output, progress in health. */
  lastSignMs: number;
  status: ServiceStatus | null = null;
  error: string | null = null;
  exit: ExitStatus | null = null;
  progress: number | null = null;
  phase: string | null = null;
  private readonly monotonicMs: () => number;
  private turn = Promise.withResolvers<void>();

  constructor(monotonicMs: () => number) {
    this.monotonicMs = monotonicMs;
    this.lastSignMs = monotonicMs();
  }

  /** Resolves at the next change of state or the end: what is worth a look at once. */
  next(): Promise<void> {
    return this.turn.promise;
  }

  sawOutput(): void {
    this.lastSignMs = this.monotonicMs();
  }

  sawEvent(event: ServiceEvent): void {
    this.lastSignMs = this.monotonicMs();
    if (event.type === 'load') this.sawProgress(event.progress, event.phase ?? null);
    if (event.type !== 'state') return;
    this.status = event.status;
    this.error = event.error ?? null;
    this.wake();
  }

  /** Only progress that moves is a sign of life; a server that cannot tell says nothing. */
  sawProgress(progress: number | null, phase: string | null): void {
    if (progress === null && phase === null) return;
    if (progress === this.progress && phase === this.phase) return;
    this.progress = progress;
    this.phase = phase;
    this.lastSignMs = this.monotonicMs();
  }

  sawExit(exit: ExitStatus): void {
    this.exit = exit;
    this.wake();
  }

  private wake(): void {
    this.turn.resolve();
    this.turn = Promise.withResolvers<void>();
  }
}
