/** The last lines that fit in a number of bytes. */
export class LineRing {
  private lines: string[] = [];
  private bytes = 0;
  private readonly capacityBytes: number;

  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes;
  }

  get isEmpty(): boolean {
    return this.lines.length === 0;
  }

  push(line: string): void {
    this.lines.push(line);
    this.bytes += sizeOf(line);
    // Dropped in bulk, since removing the first of many lines moves all others.
    if (this.bytes > 2 * this.capacityBytes) this.shrink();
  }

  last(count: number): readonly string[] {
    this.shrink();
    return count <= 0 ? [] : this.lines.slice(-count);
  }

  private shrink(): void {
    let first = 0;
    while (this.bytes > this.capacityBytes && first < this.lines.length) {
      this.bytes -= sizeOf(this.lines[first] ?? '');
      first += 1;
    }
    if (first > 0) this.lines = this.lines.slice(first);
  }
}

const sizeOf = (line: string): number => Buffer.byteLength(line) + 1;
