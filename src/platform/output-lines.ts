const lineFeed = 0x0a;
const carriageReturn = 0x0d;

export interface LineLimits {
  /** A longer line is cut here. */
  readonly lineBytes: number;
  /** Taken at once before lines are left out. */
  readonly burstBytes: number;
  /** Taken per second in the long run. */
  readonly bytesPerSecond: number;
}

/** A chatty server fits; one that floods costs little time and no memory. */
export const outputLimits: LineLimits = {
  lineBytes: 8_192,
  burstBytes: 1_048_576,
  bytesPerSecond: 262_144,
};

/**
 * Turns bytes of a program's output into lines. Both line feed and carriage return end one, so that a progress bar is
 * seen; empty lines are skipped. What exceeds the limits is left out, and a line says how much.
 */
export class OutputLines {
  private readonly pieces: Buffer[] = [];
  private pendingBytes = 0;
  private allowance: number;
  private refilledAtMs: number;
  private leftOutBytes = 0;
  private readonly onLine: (line: string) => void;
  private readonly limits: LineLimits;
  private readonly monotonicMs: () => number;

  constructor(onLine: (line: string) => void, limits = outputLimits, monotonicMs = () => performance.now()) {
    this.onLine = onLine;
    this.limits = limits;
    this.monotonicMs = monotonicMs;
    this.allowance = limits.burstBytes;
    this.refilledAtMs = monotonicMs();
  }

  push(chunk: Buffer): void {
    this.refill();
    if (this.allowance < chunk.length) {
      this.leftOutBytes += chunk.length;
      return;
    }
    this.tellLeftOut();
    this.allowance -= chunk.length;
    this.split(chunk);
  }

  /** The output is over: what has no line end yet is a line, too. */
  end(): void {
    this.finishLine();
    this.tellLeftOut();
  }

  private refill(): void {
    const nowMs = this.monotonicMs();
    const gained = ((nowMs - this.refilledAtMs) / 1000) * this.limits.bytesPerSecond;
    this.allowance = Math.min(this.limits.burstBytes, this.allowance + gained);
    this.refilledAtMs = nowMs;
  }

  private split(chunk: Buffer): void {
    let start = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      if (chunk[at] !== lineFeed && chunk[at] !== carriageReturn) continue;
      this.append(chunk.subarray(start, at));
      this.finishLine();
      start = at + 1;
    }
    this.append(chunk.subarray(start));
  }

  private append(piece: Buffer): void {
    const room = this.limits.lineBytes - this.pendingBytes;
    if (room <= 0 || piece.length === 0) return;
    const kept = piece.subarray(0, room);
    this.pieces.push(kept);
    this.pendingBytes += kept.length;
  }

  private finishLine(): void {
    if (this.pendingBytes === 0) return;
    const isCut = this.pendingBytes >= this.limits.lineBytes;
    const line = Buffer.concat(this.pieces).toString('utf8');
    this.pieces.length = 0;
    this.pendingBytes = 0;
    this.onLine(isCut ? `${line}…` : line);
  }

  private tellLeftOut(): void {
    if (this.leftOutBytes === 0) return;
    this.finishLine();
    this.onLine(`[${this.leftOutBytes} bytes of output left out: too much at once]`);
    this.leftOutBytes = 0;
  }
}
