const remembered = 15;

/**
 * What the machine itself adds to each job, or to each swap: it does not run faster with the clock, so a ms of it counts
 * many times. It is measured as it goes, and taken off what the stand-ins are asked to do next.
 */
export class RealCost {
  private readonly latest: number[] = [];

  /** Ms of the trace: the lower median of the latest, since the machine is busier at times. */
  get ms(): number {
    return this.latest.toSorted((a, b) => a - b)[(this.latest.length - 1) >> 1] ?? 0;
  }

  learn(costMs: number): void {
    this.latest.push(costMs);
    if (this.latest.length > remembered) this.latest.shift();
  }
}
