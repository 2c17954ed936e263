import type { VramGate } from './vram-gate.ts';

/** GPU memory of a server: what it holds, and what is free beside it. */
export interface HeldMemory {
  readonly mb: number;
  readonly freeBeforeMb: number;
}

export const nothingHeld: HeldMemory = { mb: 0, freeBeforeMb: 0 };

type HeldMemoryGate = Pick<VramGate, 'freeMb' | 'takenSince' | 'untilMeasured'>;

/** What one start of a server holds, told from the memory of the whole GPU before and after it. */
export class HeldMemoryMeter {
  private readonly gate: HeldMemoryGate;
  private measured: Promise<number> = Promise.resolve(0);

  constructor(gate: HeldMemoryGate) {
    this.gate = gate;
  }

  /** To be called as soon as it is loaded or woken. @param freeBeforeMb what was free before; null without a GPU */
  measure(freeBeforeMb: number | null): void {
    this.measured = this.gate.takenSince(freeBeforeMb);
  }

  /** 0: not known, or no GPU. */
  get mb(): Promise<number> {
    return this.measured;
  }

  /** Read right before it is to be given back: others may have come and gone since it was loaded. */
  async now(): Promise<HeldMemory> {
    await this.gate.untilMeasured();
    const mb = await this.measured;
    const freeMb = mb > 0 ? await this.gate.freeMb() : null;
    return freeMb === null ? nothingHeld : { mb, freeBeforeMb: freeMb };
  }
}
