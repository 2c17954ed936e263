const windowMs = 8_000;

/** How fast a download is, by its last seconds. What was there already counts as no speed. */
export class TransferRate {
  private readonly points: { readonly atMs: number; readonly bytes: number }[] = [];

  add(atMs: number, bytes: number): void {
    this.points.push({ atMs, bytes });
    while (this.points.length > 2 && atMs - (this.points[0]?.atMs ?? atMs) > windowMs) this.points.shift();
  }

  /** null: not known yet. */
  get bytesPerSecond(): number | null {
    const [first, last] = [this.points[0], this.points.at(-1)];
    if (!first || !last || last.atMs - first.atMs < 500) return null;
    return Math.max(0, ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 1000);
  }
}
