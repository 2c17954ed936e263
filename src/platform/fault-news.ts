import type { EventOf } from '../contracts/events.ts';
import type { Clock } from './clock.ts';

const quietMs = 60_000;
const remembered = 200;

/**
 * Tells faults that are news from those that were told less than a minute ago: what fails ten times a second, as on a
 * full disk, must not fill the log.
 */
export class FaultNews {
  private readonly clock: Pick<Clock, 'monotonicMs'>;
  private readonly toldAt = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.clock = clock;
  }

  isNews({ where, message }: EventOf<'system.fault'>): boolean {
    const fault = `${where}: ${message}`;
    const nowMs = this.clock.monotonicMs();
    const lastMs = this.toldAt.get(fault);
    if (lastMs !== undefined && nowMs - lastMs < quietMs) return false;
    this.remember(fault, nowMs);
    return true;
  }

  /** In order of age, so that the oldest is the first to be forgotten. */
  private remember(fault: string, nowMs: number): void {
    this.toldAt.delete(fault);
    this.toldAt.set(fault, nowMs);
    const [oldest] = this.toldAt.keys();
    if (this.toldAt.size > remembered && oldest !== undefined) this.toldAt.delete(oldest);
  }
}
