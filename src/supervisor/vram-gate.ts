import type { Emit } from '../contracts/events.ts';
import type { ModelId } from '../contracts/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { GpuProbe } from './gpu-probe.ts';
import type { HeldMemory } from './held-memory.ts';

const pollMs = 250;
/** A driver gives memory back up to a few seconds after the last process is gone. */
const settleMs = 15_000;
/** This share of what a model held must come back: the rest may be caches of others. */
const backShare = 0.75;

export interface VramGateOptions {
  readonly probe: GpuProbe;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Ends servers that sleep: what they keep of the GPU is small, and missing now. Returns how many they were. */
  readonly endSleepers: () => Promise<number>;
  /** Ends processes of ours that belong to no live server; returns their pids. */
  readonly sweepLeftovers: () => Promise<readonly number[]>;
  readonly settleMs?: number;
}

/** Why there is no room, as the end of a sentence. */
export class NoRoom extends Error {
  constructor(needMb: number, freeMb: number, holders: readonly string[]) {
    const who = holders.length > 0 ? holders.join(', ') : 'a process that cannot be seen from here';
    super(
      `it needs ${needMb} MB of GPU memory and ${freeMb} MB are free. The rest is held by ${who}. End that, or lower vram_gb`,
    );
  }
}

/** Lets a model load only into memory that is really free. Without a GPU, everything passes at once. */
export class VramGate {
  private readonly probe: GpuProbe;
  private readonly clock: Clock;
  private readonly emit: Emit;
  private readonly endSleepers: () => Promise<number>;
  private readonly sweepLeftovers: () => Promise<readonly number[]>;
  private readonly settleMs: number;
  private measuring: Promise<unknown> = Promise.resolve();

  constructor(options: VramGateOptions) {
    this.probe = options.probe;
    this.clock = options.clock;
    this.emit = options.emit;
    this.endSleepers = options.endSleepers;
    this.sweepLeftovers = options.sweepLeftovers;
    this.settleMs = options.settleMs ?? settleMs;
  }

  /** Free memory now, MB; null without a GPU. */
  async freeMb(): Promise<number | null> {
    return (await this.probe.memory())?.freeMb ?? null;
  }

  /** What was taken since `freeBeforeMb` were free, MB; 0: not known, or no GPU. */
  takenSince(freeBeforeMb: number | null): Promise<number> {
    const taken = this.readTaken(freeBeforeMb);
    this.measuring = Promise.allSettled([this.measuring, taken]);
    return taken;
  }

  /** To be awaited before memory is taken or given back: a reading would take that for its server's. */
  async untilMeasured(): Promise<void> {
    await this.measuring;
  }

  private async readTaken(freeBeforeMb: number | null): Promise<number> {
    const freeNowMb = freeBeforeMb === null ? null : await this.freeMb();
    return freeBeforeMb === null || freeNowMb === null ? 0 : freeBeforeMb - freeNowMb;
  }

  /**
   * Resolves when `needMb` are free: waits for memory on its way back, then ends sleepers and leftovers of ours and waits again.
   * @throws NoRoom that names the holders; whatever `signal` aborts with
   */
  async waitForRoom(model: ModelId, needMb: number, signal: AbortSignal): Promise<void> {
    await this.untilMeasured();
    if (needMb === 0 || (await this.isFree(model, needMb, signal))) return;
    signal.throwIfAborted();
    const ended = (await this.endSleepers()) + (await this.sweepLeftovers()).length;
    if (ended > 0 && (await this.isFree(model, needMb, signal))) return;
    signal.throwIfAborted();
    const freeMb = (await this.freeMb()) ?? 0;
    const holders = await this.probe.holders();
    this.emit({ type: 'vram.gave-up', model, needMb, freeMb, holders });
    throw new NoRoom(needMb, freeMb, holders);
  }

  /** Whether a model's memory came back. Where it was ended and did not, the next load's gate decides. */
  async waitUntilBack(model: ModelId, held: HeldMemory): Promise<boolean> {
    if (held.mb <= 0) return true;
    const needMb = Math.round(held.freeBeforeMb + held.mb * backShare);
    const never = new AbortController().signal;
    if (await this.isFree(model, needMb, never)) return true;
    await this.sweepLeftovers();
    const freeMb = (await this.freeMb()) ?? 0;
    if (freeMb >= needMb) return true;
    this.emit({ type: 'vram.gave-up', model, needMb, freeMb, holders: await this.probe.holders() });
    return false;
  }

  /** Whether `needMb` become free within the settle window. A GPU that cannot be read counts as free. */
  private async isFree(model: ModelId, needMb: number, signal: AbortSignal): Promise<boolean> {
    const giveUpAtMs = this.clock.monotonicMs() + this.settleMs;
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const freeMb = await this.freeMb();
      if (freeMb === null || freeMb >= needMb) return true;
      if (isFirst) {
        const holders = await this.probe.holders();
        this.emit({ type: 'vram.waiting', model, needMb, freeMb, holders });
      }
      if (this.clock.monotonicMs() >= giveUpAtMs) return false;
      await this.clock.sleep(pollMs, signal);
    }
    return false;
  }
}
