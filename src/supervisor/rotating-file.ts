import { appendFile, mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface RotationLimits {
  /** A file that is larger becomes `<name>.1`, and so on. */
  readonly fileBytes: number;
  /** Files in all. */
  readonly files: number;
  /** Waiting for a slow disk; what exceeds it is lost. */
  readonly pendingBytes: number;
}

/** Appends in the background, one write at a time; never throws and never waits. A full disk loses lines, nothing else. */
export class RotatingFile {
  private pending: string[] = [];
  private pendingBytes = 0;
  private sizeBytes: number | null = null;
  private writing: Promise<void> | null = null;
  private readonly path: string;
  private readonly limits: RotationLimits;

  constructor(path: string, limits: RotationLimits) {
    this.path = path;
    this.limits = limits;
  }

  append(text: string): void {
    const bytes = Buffer.byteLength(text);
    if (this.pendingBytes + bytes > this.limits.pendingBytes) return;
    this.pending.push(text);
    this.pendingBytes += bytes;
    this.writing ??= this.writeAll().finally(() => {
      this.writing = null;
    });
  }

  /** Resolves when all that was appended so far is written or lost. */
  async flushed(): Promise<void> {
    while (this.writing) await this.writing;
  }

  private async writeAll(): Promise<void> {
    while (this.pending.length > 0) {
      const batch = this.pending.join('');
      const bytes = this.pendingBytes;
      this.pending = [];
      this.pendingBytes = 0;
      await this.write(batch, bytes).catch(() => {});
    }
  }

  private async write(batch: string, bytes: number): Promise<void> {
    this.sizeBytes ??= await this.open();
    if (this.sizeBytes > 0 && this.sizeBytes + bytes > this.limits.fileBytes) await this.rotate();
    await appendFile(this.path, batch, { mode: 0o600 });
    this.sizeBytes += bytes;
  }

  private async open(): Promise<number> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    return stat(this.path).then(
      ({ size }) => size,
      () => 0,
    );
  }

  private async rotate(): Promise<void> {
    for (let index = this.limits.files - 1; index >= 1; index -= 1) {
      const from = index === 1 ? this.path : `${this.path}.${index - 1}`;
      await rename(from, `${this.path}.${index}`).catch(() => {}); // not there yet
    }
    this.sizeBytes = 0;
  }
}
